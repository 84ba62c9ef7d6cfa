"""Watching and writing the same folder: what we publish never comes back as somebody else's."""

from functools import partial
from pathlib import Path

import anyio
import pytest

from exporters.sink import FolderSink
from ingest.folder import watch_folder
from store.event import FILE_CHANGED
from tests.exporters.stand import Stand
from tests.kit.recorders import HeldRecorder, desk_on
from wire.settings import FolderSettings
from wire.timedrops import STATUS_FILE

SETTINGS = FolderSettings(settle=1_000_000, rescan=20_000_000)


@pytest.mark.anyio
async def test_the_watcher_passes_over_our_files_and_records_edited_ones(tmp_path: Path) -> None:
    stand = Stand(sink=FolderSink(tmp_path))
    recorder = HeldRecorder()
    desk, _ = desk_on(recorder)
    watch = partial(watch_folder, SETTINGS, tmp_path, desk, {}, stand.publisher.is_own)
    async with anyio.create_task_group() as group:
        group.start_soon(watch)
        stand.load()
        stand.swim()
        stand.quiet()
        ours = sorted(path.name for path in tmp_path.iterdir())  # noqa: ASYNC240 - a listing of two
        assert ours == ["Session67_Event_1_Heat1_Race1_1.json", STATUS_FILE]
        # The first scan finds it together with ours; the second change is found by a later one.
        (tmp_path / "meet_program.json").write_bytes(b"{}")
        with anyio.fail_after(30):
            await recorder.until_count(FILE_CHANGED, 1)
        (tmp_path / ours[0]).write_bytes(b"edited")
        with anyio.fail_after(30):
            await recorder.until_count(FILE_CHANGED, 2)
        paths = [meta["path"] for meta in recorder.metas(FILE_CHANGED)]
        assert paths == ["meet_program.json", ours[0]]
        assert recorder.events[-1].body == b"edited"
        group.cancel_scope.cancel()
