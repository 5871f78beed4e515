"""What the database itself notes of who writes what in whose term. Each process is a role of its own there, which triggers see."""

BATCHES = "background_updates"
TICKS = "ticking"  # of the module of that name, which writes a row with each of its background calls

NOTES = """
CREATE TABLE chaos_terms (fence BIGINT, taken_by TEXT, at TIMESTAMPTZ DEFAULT clock_timestamp());
CREATE TABLE chaos_writes (id BIGSERIAL PRIMARY KEY, transaction BIGINT DEFAULT txid_current(), writer TEXT DEFAULT session_user,
    fence BIGINT, what TEXT, name TEXT, before TEXT, after TEXT);
CREATE TABLE chaos_rooms (id BIGSERIAL PRIMARY KEY, transaction BIGINT DEFAULT txid_current(), room_id TEXT);
CREATE INDEX chaos_rooms_of ON chaos_rooms (transaction);
CREATE FUNCTION chaos_note_term() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO chaos_terms (fence, taken_by) VALUES (NEW.fence, session_user); RETURN NULL; END $$;
CREATE FUNCTION chaos_note_batch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO chaos_writes (fence, what, name, before, after) SELECT fence, TG_OP, OLD.update_name, OLD.progress_json,
        CASE WHEN TG_OP = 'UPDATE' THEN NEW.progress_json END FROM modapi_lease_fence; RETURN NULL; END $$;
CREATE FUNCTION chaos_note_room() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO chaos_rooms (room_id) VALUES (NEW.room_id); RETURN NULL; END $$;
CREATE FUNCTION chaos_note_tick() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO chaos_writes (fence, what, name) SELECT fence, 'TICK', NEW.tick::text FROM modapi_lease_fence; RETURN NULL; END $$;
CREATE TRIGGER chaos_term AFTER UPDATE OF fence ON modapi_lease_fence FOR EACH ROW EXECUTE FUNCTION chaos_note_term();
CREATE TRIGGER chaos_batch AFTER UPDATE OR DELETE ON background_updates FOR EACH ROW EXECUTE FUNCTION chaos_note_batch();
CREATE TRIGGER chaos_room AFTER INSERT ON room_stats FOR EACH ROW EXECUTE FUNCTION chaos_note_room();
INSERT INTO chaos_terms (fence, taken_by) SELECT f.fence, l.owner_name FROM modapi_lease_fence f, modapi_lease l;
"""
NOTE_OF_TICKS = "CREATE TRIGGER chaos_tick AFTER INSERT ON ticking FOR EACH ROW EXECUTE FUNCTION chaos_note_tick()"
AT_ONCE = 100  # more transactions than are at work at a time
COUNTED = "populate_stats_process_rooms"  # its progress says how many rooms are done, and room_stats which


class Audit:
    def __init__(self, postgresql, has_ticks):
        self.postgresql, self.has_ticks = postgresql, has_ticks
        self.read = set()  # of the last rows: one with a smaller number may be committed later
        self.last_fence = 0
        self.rooms_of_run, self.progress, self.batches, self.ticks = [], "{}", 0, 0

    @staticmethod
    def create_roles(postgresql, names):
        for name in names:
            postgresql.query('CREATE ROLE "%s" LOGIN SUPERUSER' % name)

    def begin(self):
        self.postgresql.query(NOTES + (NOTE_OF_TICKS if self.has_ticks else ""))

    def owner(self):
        """Who has the lease, or had it last."""
        return self.postgresql.query("SELECT owner_name FROM modapi_lease")[0][0]

    def complaints(self):
        """Of what was written since the last call."""
        found = []
        terms = {int(fence): by for fence, by in self.postgresql.query("SELECT fence, taken_by FROM chaos_terms")}
        oldest = max(self.read, default=0) - AT_ONCE
        writes = self.postgresql.query(
            "SELECT id, writer, fence, what, name, before, after, (SELECT string_agg(room_id, ' ') FROM chaos_rooms r "
            "WHERE r.transaction = w.transaction) FROM chaos_writes w WHERE id > %d ORDER BY id" % oldest)
        self.read = {number for number in self.read if number > oldest}
        for number, writer, fence, what, name, before, after, rooms in writes:
            if int(number) in self.read:
                continue
            self.read.add(int(number))
            if terms.get(int(fence)) != writer:
                found.append("%s wrote %s of %s in term %s, which is %s's" % (writer, what, name, fence, terms.get(int(fence))))
            if int(fence) < self.last_fence:
                found.append("%s wrote %s of %s in term %s, after term %d began" % (writer, what, name, fence, self.last_fence))
            self.last_fence = int(fence)
            if what == "TICK":
                self.ticks += 1
                continue
            self.batches += 1
            if name == COUNTED:
                found += self.complaints_of_batch(writer, before, after or None, rooms.split())
        return found

    def complaints_of_batch(self, writer, before, after, rooms):
        found = []
        if before != self.progress:
            found.append("%s went on from %s, not from %s" % (writer, before, self.progress))
        twice = set(rooms) & set(self.rooms_of_run)
        if twice:
            found.append("%s counted %d rooms twice: from %s to %s" % (writer, len(twice), before, after))
        self.rooms_of_run += rooms
        self.progress = after or "{}"
        if after is None:
            self.rooms_of_run = []
        return found

    def locks_of(self, name):
        """What a process that does nothing holds, beside its name."""
        rows = self.postgresql.query(
            "SELECT a.pid, a.state, a.query, l.locktype, l.mode, COALESCE(l.relation::regclass::text, ''), "
            "extract(epoch FROM clock_timestamp() - a.state_change) FROM pg_locks l JOIN pg_stat_activity a USING (pid) "
            "WHERE a.usename = '%s' AND l.granted AND l.locktype <> 'virtualxid' AND a.state_change < clock_timestamp() - interval '10 s'"
            % name)
        names = [row for row in rows if row[3] == "advisory"]
        return [row for row in rows if row[3] != "advisory"] + names[1:]
