"""The workshop: pure folds of the log into crossings, results, revisions and source health."""
