import { closeSync, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { createArchive, type EncryptionKeys, type Manifest, openArchive } from '../../../../../engine/archive';
import { BackupError } from '../../../../../engine/errors';
import { ArchiveSource } from '../../../../../engine/postgres';
import type { Inspection, RestoreStep } from '../../../../../engine/postgres/restore/source';
import { settingsFrame } from '../../../../../engine/postgres/dump/settingsFrame';
import { FolderStorage } from '../../../../../engine/storage';
import { temporaryFolder } from '../../../../services/guard';

type Content = Buffer | (() => AsyncIterable<Buffer>);
type Part = [{ type: string; table?: number; rows?: number }, Content];

const HEAD = '--\n-- PostgreSQL database dump\n--\n\n-- Dumped by pg_dump version 18.0\n\n';
const PRE = `${HEAD}SET statement_timeout = 0;\nCREATE TABLE public.t (a integer);\n`;
const END = '\n--\n-- PostgreSQL database dump complete\n--\n\n';
const DO = 'DO $$ BEGIN RAISE EXCEPTION $x$run$x$; END $$;';
const ROWS: Part = [{ type: 'data', table: 0, rows: 1 }, Buffer.from('COPY public.t (a) FROM stdin;\n1\n\\.\n')];
const POST: Part = [{ type: 'post-data' }, Buffer.from(END)];

const PASSPHRASE: EncryptionKeys = { passphrase: 'long enough a passphrase' };

/** More than is read whole: 68 MB of comments, in pieces. */
function filled(beginning: string, end: string): () => AsyncIterable<Buffer> {
	const filler = Buffer.from(`-- ${'x'.repeat(996)}\n`.repeat(1000));
	return async function* () {
		yield await Promise.resolve(Buffer.from(beginning));
		for (let written = 0; written < 68; written++) yield filler;
		yield Buffer.from(end);
	};
}

/**
 * Stores an archive with these parts, all hashes fitting. The manifest of an encrypted one does not say in which pieces it was
 * encrypted, as once none did: such an archive is read from its beginning, others by ranges.
 */
async function stored(parts: Part[], encryption?: EncryptionKeys, codec: 'zstd' | 'none' = 'zstd') {
	const root = temporaryFolder('archive-source');
	const storage = new FolderStorage({ root });
	const writer = await createArchive({
		storage,
		folder: 'postgres',
		name: 'shop',
		extension: 'sql',
		kind: 'postgres',
		codec: { name: codec },
		...(encryption && { encryption }),
	});
	for (const [part, content] of parts) {
		if (Buffer.isBuffer(content)) await writer.frame(part, content);
		else await writer.stream(part, content());
		await writer.drain();
	}
	const tables = [{ schema: 'public', name: 't', rows: 1, bytes: 2 }];
	const manifest = await writer.commit({
		source: { system: 'postgres', version: '18' },
		counts: {},
		options: {},
		tables,
	});
	const { proof: _proof, ...facts } = manifest;
	const { pieces: _pieces, ...message } = manifest.encryption ?? {};
	const asOnce = { ...facts, encryption: message as Manifest['encryption'] };
	return {
		file: join(root, writer.key),
		source: async (keys = encryption) =>
			new ArchiveSource(
				await openArchive(storage, { manifest: encryption ? asOnce : manifest, folder: 'postgres' }, keys),
			),
	};
}

const CHECKS = ['first', 'whileLoading'] as const;

/** Takes all the steps of a source; answers the statements that were handed out, and the code of what it failed with. */
async function taken(source: ArchiveSource, inspection: Inspection, steps: RestoreStep[] = []) {
	try {
		await source.inspect(inspection);
		for await (const step of source.steps(inspection.selection ?? {})) {
			steps.push(step);
			if (step.type === 'copy' && !Buffer.isBuffer(step.rows)) for await (const rows of step.rows) void rows;
		}
		return { statements: textsOf(steps), code: undefined };
	} catch (error) {
		return { statements: textsOf(steps), code: error instanceof BackupError ? error.code : error };
	}
}

function textsOf(steps: RestoreStep[]): string[] {
	return steps.flatMap((step) => (step.type === 'statement' ? [step.text] : []));
}

/** Whatever way an archive is read, nothing of what it hides is handed out. */
async function refuses(parts: Part[], what: RegExp, options: { selection?: Inspection['selection'] } = {}) {
	for (const encryption of [undefined, PASSPHRASE]) {
		const archive = await stored(parts, encryption);
		for (const check of CHECKS) {
			const { statements, code } = await taken(await archive.source(), { check, ...options });
			expect(code).toBe('ARCHIVE_CORRUPT');
			expect(statements.filter((text) => what.test(text))).toEqual([]);
		}
	}
}

describe('an archive as a source', () => {
	it.each(CHECKS)('hands out what it holds, checked: %s', async (check) => {
		const settings: Part = [{ type: 'settings' }, settingsFrame([{ role: 'r', name: 'a', value: 'ü"\u2028' }])];
		const archive = await stored([settings, [{ type: 'pre-data' }, Buffer.from(PRE)], ROWS, POST]);
		const { statements, code } = await taken(await archive.source(), { check });
		expect(code).toBeUndefined();
		expect(statements).toEqual(['SET statement_timeout = 0', 'CREATE TABLE public.t (a integer)']);
	});

	it('takes a setting over from one part to the next, as its check does', async () => {
		const archive = await stored([
			[{ type: 'pre-data' }, Buffer.from(`${PRE}SET standard_conforming_strings = off;\n`)],
			ROWS,
			[{ type: 'post-data' }, Buffer.from(`COMMENT ON TABLE public.t IS 'a\\'; --';\n${END}`)],
		]);
		for (const check of CHECKS) {
			const { statements, code } = await taken(await archive.source(), { check });
			expect(code).toBeUndefined();
			expect(statements.at(-1)).toBe(`COMMENT ON TABLE public.t IS 'a\\'; --'`);
		}
	});

	it.each([
		'RESET standard_conforming_strings;',
		'RESET ALL;',
		'SET standard_conforming_strings TO DEFAULT;',
		'SET LOCAL standard_conforming_strings = on;',
		`SELECT pg_catalog."set_config"('standard_conforming_strings', 'on', false);`,
	])('is refused where a server may cut its statements elsewhere: %s', async (reset) => {
		await refuses(
			[
				[{ type: 'pre-data' }, Buffer.from(`${PRE}SET standard_conforming_strings = off;\n${reset}\n`)],
				ROWS,
				[{ type: 'post-data' }, Buffer.from(`COMMENT ON TABLE public.t IS 'a\\'; ${DO} --';\n${END}`)],
			],
			/^DO\b/,
		);
	});

	it('hands out nothing after its check has failed', async () => {
		const archive = await stored(
			[
				[{ type: 'pre-data' }, Buffer.from(PRE)],
				ROWS,
				[{ type: 'post-data' }, filled('ALTER TABLE public.t OWNER TO o;\n', `\n${END}`)],
			],
			PASSPHRASE,
		);
		const source = await archive.source();
		const controller = new AbortController();
		await source.inspect({ check: 'whileLoading', signal: controller.signal });
		// From now on every check throws.
		controller.abort();
		const steps: RestoreStep[] = [];
		const all = async () => {
			for await (const step of source.steps({})) steps.push(step);
		};
		await expect(all()).rejects.toMatchObject({ code: 'CANCELLED' });
		expect(textsOf(steps).filter((text) => text.startsWith('ALTER'))).toEqual([]);
	});

	it('judges definitions once more that it reads a second time', async () => {
		const slot = `-- ${'y'.repeat(200)}\n`;
		const archive = await stored(
			[[{ type: 'pre-data' }, filled(`${PRE}${slot}`, '\n')], ROWS, POST],
			undefined,
			'none',
		);
		const source = await archive.source();
		await source.inspect({ check: 'first' });
		const file = openSync(archive.file, 'r+');
		writeSync(file, `${DO.padEnd(slot.length - 1)}\n`, PRE.length);
		closeSync(file);
		const steps: RestoreStep[] = [];
		const all = async () => {
			for await (const step of source.steps({})) steps.push(step);
		};
		await expect(all()).rejects.toMatchObject({ code: 'ARCHIVE_CORRUPT' });
		expect(textsOf(steps).filter((text) => text.startsWith('DO'))).toEqual([]);
	});

	it('asks for the roles of definitions that are checked while they are read', async () => {
		const post = filled(
			'GRANT SELECT ON TABLE public.t TO one;\n',
			`\nGRANT SELECT ON TABLE public.t TO two;\nGRANT INSERT ON TABLE public.t TO two;\n${END}`,
		);
		const archive = await stored(
			[[{ type: 'pre-data' }, Buffer.from(PRE)], ROWS, [{ type: 'post-data' }, post]],
			PASSPHRASE,
		);
		const source = await archive.source();
		const facts = await source.inspect({ check: 'whileLoading' });
		const events: string[] = [];
		for await (const step of source.steps({})) {
			if (step.type === 'requirements') events.push(facts.roles({}, ['privilege']).join());
			else if (step.type === 'statement' && step.text.startsWith('GRANT')) events.push(step.text.slice(0, 12));
		}
		expect(events.slice(-4)).toEqual(['one', 'GRANT SELECT', 'one,two', 'GRANT SELECT', 'GRANT INSERT'].slice(-4));
		expect(events[events.indexOf('GRANT SELECT') - 1]).toBe('one');
	});

	it.each<[string, Part]>([
		['rows of no table', [{ type: 'data', rows: 1 }, ROWS[1]]],
		['definitions of a table', [{ type: 'post-data', table: 0 }, Buffer.from('CREATE INDEX i ON public.t (a);\n')]],
		['large objects of a table', [{ type: 'large-objects', table: 0 }, Buffer.from('\n')]],
	])('is refused where its manifest lists %s', async (_, part) => {
		await refuses([[{ type: 'pre-data' }, Buffer.from(PRE)], ROWS, part, POST], /INDEX/);
	});

	it('does not run settings, be they SQL as well', async () => {
		const [beginning] = settingsFrame([]).toString().split('[]');
		const name = `"x\\"; ${DO} --"`;
		const frame = Buffer.from(`${beginning}[{"name":\n${name},"value":"1"}]\n\n`);
		for (const part of [{ type: 'settings', table: 0 }, { type: 'settings' }])
			await refuses([[part, frame], [{ type: 'pre-data' }, Buffer.from(PRE)], ROWS, POST], /^DO\b/);
	});
});

describe('an encrypted archive as a source', () => {
	const PARTS: Part[] = [[{ type: 'pre-data' }, Buffer.from(PRE)], ROWS, POST];

	it.each([6, 8, 40, 60])('is called damaged where a bit of its beginning is (byte %i)', async (at) => {
		const archive = await stored(PARTS, PASSPHRASE);
		const bytes = readFileSync(archive.file);
		bytes[at]! ^= 1;
		writeFileSync(archive.file, bytes);
		for (const check of CHECKS)
			expect(await taken(await archive.source(), { check })).toMatchObject({ code: 'ARCHIVE_CORRUPT' });
	});

	it('is not called damaged where the passphrase is wrong', async () => {
		const archive = await stored(PARTS, PASSPHRASE);
		const source = await archive.source({ passphrase: 'another passphrase' }).catch((error: unknown) => error);
		const code = source instanceof ArchiveSource ? (await taken(source, {})).code : (source as { code?: string }).code;
		expect(code).toBe('KEY_WRONG');
	});
});
