"""All targets, by name."""

from tests.fuzz import files, meets, streams, texts

TARGETS = {**streams.TARGETS, **files.TARGETS, **texts.TARGETS, **meets.TARGETS}
