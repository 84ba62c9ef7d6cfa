"""Programs that begin at once: the nursery has loaded meetlog, and forks it when asked.

Loading meetlog takes a second of a core, and a test that kills it two hundred
times would do little else. What is forked is a process like any other: with
its own memory, files, signals and end. The console that a `run` begins beside
it is forked too, by way of a launcher that stands in for `sys.executable`.

The nursery listens on a socket. A request is a line of JSON
with the arguments of `python`, and the descriptors for the new process's
input, output and errors. The answer is the process's id, and when it has
ended its exit code, as `subprocess` has it. While a process lives there is a
file of its id in the folder `alive`, with its arguments.
"""

import json
import os
import random
import runpy
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path

import anyio
import anyio.abc

from tests.kit.programs import ROOT

ALIVE, LAUNCHER = "alive", "python"
_MOST = 1 << 16  # bytes of a request
# The program, and what it loads only when that is used.
_LOADED = (
    "meetlog.cli", "meetlog.run", "meetlog.console.app", "meetlog.console.serving",
    "anyio._backends._asyncio", "sqlalchemy.dialects.sqlite.pysqlite", "uvicorn.lifespan.on",
    "uvicorn.loops.auto", "uvicorn.protocols.http.h11_impl",
)  # fmt: skip
_LAUNCHER = """\
#!{python} -ISE
import json, os, socket, sys
with socket.socket(socket.AF_UNIX) as asking:
    asking.connect({path!r})
    socket.send_fds(asking, [json.dumps(sys.argv[1:]).encode() + b"\\n"], [0, 1, 2])
    os.close(0), os.close(1)
    told = b""
    while piece := asking.recv(100):
        told += piece
code = int(told.split()[-1])
os._exit(code if code >= 0 else 128 - code)
"""


# -- the process that forks -----------------------------------------------------------


def serve(folder: Path, address: str) -> None:
    """Fork what is asked for, until the standard input ends; then kill what still lives."""
    for name in _LOADED:
        import_module(name)
    (folder / ALIVE).mkdir()
    launcher = folder / LAUNCHER
    launcher.write_text(_LAUNCHER.format(python=sys.executable, path=address))
    launcher.chmod(0o700)
    sys.executable = str(launcher)
    woken, wake = socket.socketpair()
    wake.setblocking(False)
    woken.setblocking(False)
    signal.set_wakeup_fd(wake.fileno())
    signal.signal(signal.SIGCHLD, lambda *_: None)
    children: dict[int, socket.socket] = {}
    with socket.socket(socket.AF_UNIX) as listener, selectors.DefaultSelector() as selector:
        listener.bind(address)
        listener.listen(64)
        for each in (listener, woken, sys.stdin):
            selector.register(each, selectors.EVENT_READ)
        print("ready", flush=True)
        going = True
        while going:
            for key, _ in selector.select():
                if key.fileobj is sys.stdin:
                    going = False
                elif key.fileobj is listener:
                    asking, _ = listener.accept()
                    pid = _fork(asking, folder)
                    children[pid] = asking
                else:
                    woken.recv(4096)
            _reap(children, folder)
    for pid in children:
        os.kill(pid, signal.SIGKILL)


def _fork(asking: socket.socket, folder: Path) -> int:
    line, descriptors, *_ = socket.recv_fds(asking, _MOST, 3)
    args = json.loads(line)
    pid = os.fork()
    if pid == 0:
        _become(args, descriptors)
    for each in descriptors:
        os.close(each)
    (folder / ALIVE / str(pid)).write_text(" ".join(args))
    asking.sendall(f"{pid}\n".encode())
    return pid


def _become(args: list[str], descriptors: list[int]) -> None:
    """Be `python` with these arguments, which name a module."""
    code = 1
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for number, each in enumerate(descriptors):
            os.dup2(each, number)
        os.closerange(3, 1024)
        # Anew, as they are on other files now.
        sys.stdin = open(0, closefd=False)  # noqa: SIM115 - they are open already
        sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115 - the same
        sys.stderr = open(2, "w", buffering=1, closefd=False)  # noqa: SIM115 - the same
        random.seed()
        option, module, *rest = args
        assert option == "-m"
        sys.argv = ["", *rest]
        try:
            runpy.run_module(module, run_name="__main__", alter_sys=True)
            code = 0
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
        except BaseException:  # noqa: BLE001 - the process ends by it, as every other would
            traceback.print_exc()
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)


def _reap(children: dict[int, socket.socket], folder: Path) -> None:
    while children:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            return
        asking = children.pop(pid)
        (folder / ALIVE / str(pid)).unlink()
        with suppress(OSError):  # who asked for it may be gone itself
            asking.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())
        asking.close()


# -- those who ask --------------------------------------------------------------------


class Output(anyio.abc.ByteReceiveStream):
    """What a process writes."""

    def __init__(self, descriptor: int) -> None:
        os.set_blocking(descriptor, False)
        self._descriptor = descriptor

    async def receive(self, max_bytes: int = 65536) -> bytes:
        """See `ByteReceiveStream.receive`."""
        while True:
            try:
                data = os.read(self._descriptor, max_bytes)
            except BlockingIOError:
                await anyio.wait_readable(self._descriptor)
                continue
            if not data:
                raise anyio.EndOfStream
            return data

    async def aclose(self) -> None:
        """Close it."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


class Forked(anyio.abc.Process):
    """A process of the nursery, its output and errors in `stdout`."""

    def __init__(self, pid: int, asking: socket.socket, output: Output) -> None:
        self._pid = pid
        self._asking = asking
        self._output = output
        self._code: int | None = None

    @property
    def pid(self) -> int:
        """Its id."""
        return self._pid

    @property
    def returncode(self) -> int | None:
        """As `subprocess` has it; None until `wait` has returned."""
        return self._code

    @property
    def stdin(self) -> None:
        """It has none."""

    @property
    def stdout(self) -> Output:
        """What it writes."""
        return self._output

    @property
    def stderr(self) -> None:
        """The same as `stdout`."""

    async def wait(self) -> int:
        """Wait for its end."""
        told = b""
        while self._code is None:
            await anyio.wait_readable(self._asking)
            piece = self._asking.recv(100)
            assert piece, "the nursery is gone"
            told += piece
            if told.endswith(b"\n"):
                self._code = int(told)
        return self._code

    def send_signal(self, signal: signal.Signals) -> None:
        """Send it a signal."""
        os.kill(self._pid, signal)

    def terminate(self) -> None:
        """Ask it to stop."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Kill it, where it has not ended by itself."""
        with suppress(ProcessLookupError):
            self.send_signal(signal.SIGKILL)

    async def aclose(self) -> None:
        """Close what is open of it."""
        self._asking.close()
        await self._output.aclose()


class Nursery:
    """Begins processes, and knows those that live."""

    def __init__(self, folder: Path, address: str) -> None:
        self.folder = folder
        self._address = address

    async def start(self, *args: str) -> Forked:
        """A process as `python` with these arguments would be: `-m`, a module, and more."""
        reading, writing = os.pipe()
        asking = socket.socket(socket.AF_UNIX)
        asking.connect(self._address)
        with open(os.devnull) as nothing:  # noqa: ASYNC230, PTH123 - it is no file to wait for
            request = json.dumps(args).encode() + b"\n"
            socket.send_fds(asking, [request], [nothing.fileno(), writing, writing])
        os.close(writing)
        asking.setblocking(False)
        told = b""
        while not told.endswith(b"\n"):
            await anyio.wait_readable(asking)
            told += asking.recv(1)
        return Forked(int(told), asking, Output(reading))

    def alive(self) -> dict[int, str]:
        """The arguments of the processes that live, by their ids."""
        found = {}
        for path in (self.folder / ALIVE).iterdir():
            try:
                found[int(path.name)] = path.read_text()
            except FileNotFoundError:
                continue  # it has just ended
        return found


@contextmanager
def nursery_in(folder: Path) -> Iterator[Nursery]:
    """A nursery with its files in this folder, which it makes; at the end nothing lives on."""
    folder.mkdir()
    # The path of a socket must be short.
    with (
        tempfile.TemporaryDirectory() as short,
        subprocess.Popen(
            [sys.executable, "-m", "tests.kit.nursery", str(folder), f"{short}/socket"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT,
        ) as process,
    ):  # fmt: skip
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        yield Nursery(folder, f"{short}/socket")


if __name__ == "__main__":
    serve(Path(sys.argv[1]), sys.argv[2])
