"""Playing a log into scoring software, through the ordinary protocols of relays."""
