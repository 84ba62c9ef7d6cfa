-- Questions to ask of a meet's read tables, with any program that opens SQLite:
--   sqlite3 -readonly -header -column summer-open/meet.db < examples/queries.sql

-- The results of every race, best first.
SELECT session, event, heat, place, lane, name, team, time, status
FROM lanes ORDER BY session, event, heat, place IS NULL, place, lane;

-- How often each file was revised, and why last.
SELECT session, event, heat, max(revision) AS revision, recorded_at, cause, author
FROM revisions GROUP BY session, event, heat;

-- Crossings at the finish that rest on the backup mat alone.
SELECT chip, swimmer, moment, reads FROM crossings WHERE point = 'Finish' AND backup;

-- What each source brought, and what of it was new.
SELECT source, state, received, new, known, quarantined, gaps, warning FROM sources;

-- What waits for each scoring program, and what it was sent that no longer holds.
SELECT relay, state, queued, sent, waiting, waiting_since, withdrawn, warnings FROM relays;
