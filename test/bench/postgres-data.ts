import type { PostgresServer } from '../services/postgres';

/** Bytes that one unit of each table takes, roughly, in a dump: 1 GB needs about this many rows. */
const ROWS_PER_GB = { documents: 620_000, events: 1_000_000, embeddings: 45_000, users: 100_000 };

/**
 * A database as a retrieval stack has it: documents (most of it), events, vectors as arrays of floats, users; with
 * primary keys, indexes and foreign keys.
 */
export async function createBenchDatabase(server: PostgresServer, gigabytes: number): Promise<string> {
	const database = await server.createDatabase('bench');
	const rows = (table: keyof typeof ROWS_PER_GB) => Math.round(ROWS_PER_GB[table] * gigabytes);
	const words = Array.from({ length: 4000 }, (_, index) => `w${((index * 2_654_435_761) % 1_000_003).toString(36)}`);
	const statements = [
		'SELECT setseed(0.42)',
		'CREATE TABLE words (id int PRIMARY KEY, word text)',
		`INSERT INTO words SELECT n - 1, word FROM unnest('{${words.join(',')}}'::text[]) WITH ORDINALITY AS w (word, n)`,
		// A thousand passages of plausible text; documents are made of several of them, so that they compress like prose.
		`CREATE TABLE passages AS SELECT p AS id, (SELECT string_agg(word, ' ') FROM (
			SELECT word FROM words WHERE p IS NOT NULL ORDER BY random() LIMIT 60) AS w) AS text FROM generate_series(0, 999) AS p`,
		'CREATE TABLE documents (id bigint PRIMARY KEY, title text NOT NULL, body text NOT NULL, created timestamptz, tags text[], meta jsonb)',
		`INSERT INTO documents SELECT d, 'Document ' || d || ' ' || md5(d::text), a.text || ' ' || md5(random()::text) || ' ' || b.text || ' ' || c.text,
			'2026-01-01'::timestamptz + d * interval '1 second', ARRAY['t' || d % 7, 'u' || d % 11], jsonb_build_object('n', d, 'hash', md5((d * 7)::text))
			FROM generate_series(1, ${rows('documents')}) AS d JOIN passages a ON a.id = d % 1000
			JOIN passages b ON b.id = (d * 7 + d / 1000) % 1000 JOIN passages c ON c.id = (d * 13 + d / 777) % 1000`,
		'CREATE TABLE events (id bigserial PRIMARY KEY, kind int, at timestamptz, payload text)',
		`INSERT INTO events (kind, at, payload) SELECT e % 17, '2026-01-01'::timestamptz + e * interval '1 ms', md5(e::text) FROM generate_series(1, ${rows('events')}) AS e`,
		'CREATE TABLE embeddings (id bigint PRIMARY KEY, document_id bigint NOT NULL, embedding real[] NOT NULL)',
		`INSERT INTO embeddings SELECT e, e, (SELECT array_agg((random() * 2 - 1)::real) FROM generate_series(1, 384) WHERE e IS NOT NULL)
			FROM generate_series(1, ${rows('embeddings')}) AS e`,
		`CREATE TABLE users AS SELECT u AS id, 'user' || u || '@example.com' AS email, 'Name ' || u AS name FROM generate_series(1, ${rows('users')}) AS u`,
		'ALTER TABLE users ADD PRIMARY KEY (id)',
		'CREATE INDEX ON documents (created)',
		'CREATE INDEX ON events (kind)',
		'CREATE INDEX ON events (at)',
		'CREATE INDEX ON embeddings (document_id)',
		'ALTER TABLE embeddings ADD FOREIGN KEY (document_id) REFERENCES documents (id)',
		'VACUUM ANALYZE',
	];
	for (const sql of statements) await server.query(database, sql);
	return database;
}

/** So many tables of ten rows, each with a primary key. */
export async function createSmallTables(server: PostgresServer, count: number): Promise<string> {
	const database = await server.createDatabase('small_tables');
	await server.query(
		database,
		`DO $$ BEGIN FOR i IN 1..${count} LOOP
			EXECUTE format('CREATE TABLE t%s (id int PRIMARY KEY, name text, at timestamptz)', i);
			EXECUTE format('INSERT INTO t%s SELECT n, ''name '' || n, now() FROM generate_series(1, 10) n', i);
		END LOOP; END $$`,
	);
	await server.query(database, 'VACUUM ANALYZE');
	return database;
}

/** A table of a million rows in so many partitions. */
export async function createPartitions(server: PostgresServer, count: number): Promise<string> {
	const database = await server.createDatabase('partitions');
	const statements = [
		'CREATE TABLE p (id bigint, part int, payload text) PARTITION BY RANGE (part)',
		`DO $$ BEGIN FOR i IN 0..${count - 1} LOOP
			EXECUTE format('CREATE TABLE p%s PARTITION OF p FOR VALUES FROM (%s) TO (%s)', i, i, i + 1);
		END LOOP; END $$`,
		`INSERT INTO p SELECT g, g % ${count}, md5(g::text) FROM generate_series(1, 1000000) g`,
		'VACUUM ANALYZE',
	];
	for (const sql of statements) await server.query(database, sql);
	return database;
}
