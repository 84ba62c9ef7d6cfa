"""Time Drops' meet folder: the program, the status file and the result files (PROTOCOLS 3).

This is the one door to the language; its parts are a file each.
"""

from wire.timedrops_documents import (
    PROGRAM_FILE,
    SIBLING_FILES,
    STATUS_FILE,
    Heat,
    LaneEntry,
    Pool,
    Program,
    ProgramEvent,
    RaceKey,
    ResultFile,
    ResultLane,
    ResultName,
    ResultSplit,
    Session,
    Status,
    Swimmer,
    Team,
)
from wire.timedrops_names import is_result_name, parse_result_name, result_name
from wire.timedrops_program import parse_program
from wire.timedrops_results import parse_result, parse_status
from wire.timedrops_writing import encode_program, encode_result, encode_status

__all__ = [
    "PROGRAM_FILE",
    "SIBLING_FILES",
    "STATUS_FILE",
    "Heat",
    "LaneEntry",
    "Pool",
    "Program",
    "ProgramEvent",
    "RaceKey",
    "ResultFile",
    "ResultLane",
    "ResultName",
    "ResultSplit",
    "Session",
    "Status",
    "Swimmer",
    "Team",
    "encode_program",
    "encode_result",
    "encode_status",
    "is_result_name",
    "parse_program",
    "parse_result",
    "parse_result_name",
    "parse_status",
    "result_name",
]
