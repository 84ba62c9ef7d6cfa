"""The commands, a file for those that belong together; `meetlog.cli` gathers them."""
