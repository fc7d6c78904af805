import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { type PostgresScratch, type ScratchTargets, verifyFile, type VerifyFileOptions } from '../../../engine';
import { type PostgresServer, startPostgres } from '../../services/postgres';
import { type QdrantServer, startQdrant } from '../../services/qdrant';
import { temporaryStorage } from '../archive/support';
import { connectionTo } from '../postgres/engine/support';
import {
	dumps,
	type ForeignFile,
	PACKED,
	openingKeys,
	packed,
	type Packing,
	snapshots,
	tarArchive,
} from './foreign-files';

const PACKINGS = Object.keys(PACKED) as Packing[];
const forms: Record<string, ForeignFile> = {};
let postgres: PostgresServer;
let qdrant: QdrantServer;

beforeAll(async () => {
	[postgres, qdrant] = await Promise.all([startPostgres({ version: 18 }), startQdrant()]);
	const { plain, custom } = await dumps();
	const [collection, shard] = await snapshots();
	Object.assign(forms, { plain, custom, collection, shard, tar: await tarArchive() });
});

afterAll(async () => {
	await Promise.all([postgres?.stop(), qdrant?.stop()]);
});

const inMemory = (assertions: string[] = []): { postgres: PostgresScratch } => ({
	postgres: { type: 'inProcess', maxRawBytes: 100_000_000, assertions },
});
const onServer = (assertions: string[] = []): { postgres: PostgresScratch } => ({
	postgres: { type: 'server', connection: connectionTo(postgres, 'postgres'), assertions },
});
const inQdrant = (): ScratchTargets => ({ qdrant: { connection: { url: qdrant.url } } });

async function tested(content: Buffer, scratch: ScratchTargets, more: Partial<VerifyFileOptions> = {}) {
	const { storage, root } = temporaryStorage();
	mkdirSync(path.join(root, 'files'));
	writeFileSync(path.join(root, 'files', 'file'), content);
	const keys = await openingKeys();
	return await verifyFile({ storage, key: 'files/file', level: 'restore', keys, scratch, ...more });
}

async function left(): Promise<unknown[]> {
	const { rows } = await postgres.query<{ datname: string }>(
		'postgres',
		`SELECT datname FROM pg_database WHERE datname LIKE 'stack_backup_verify%'`,
	);
	const answer = (await (await fetch(`${qdrant.url}/collections`)).json()) as { result: { collections: unknown[] } };
	return [...rows, ...answer.result.collections];
}

describe('a test restore of a file that others made', () => {
	it.each(['plain', 'custom'])('compares all rows of a dump as %s, in memory', async (form) => {
		for (const packing of form === 'plain' ? (['zstd', 'openpgp'] as const) : (['none'] as const)) {
			const content = await packed(forms[form]!.content, packing);
			const report = await tested(content, inMemory(['SELECT count(*) = 500 FROM a']));
			expect(report.findings.filter(({ severity }) => severity !== 'warning')).toEqual([]);
			expect(report).toMatchObject({ verdict: 'passed', requested: 'restore', reached: 'restore' });
			expect(report.levels[2]).toMatchObject({ level: 'restore', counts: { tables: 2, rows: 600, assertions: 1 } });
			expect(report.levels[2]!.restoreDuration).toBeGreaterThan(0);
		}
	});

	it.each(['plain', 'custom'])('restores a dump as %s into a scratch database, which is dropped', async (form) => {
		const report = await tested(forms[form]!.content, onServer());
		expect(report.findings.filter(({ severity }) => severity !== 'warning')).toEqual([]);
		expect(report).toMatchObject({ verdict: 'passed', reached: 'restore' });
		const wrong = await tested(forms[form]!.content, onServer(['SELECT count(*) = 1 FROM a']));
		expect(wrong).toMatchObject({ verdict: 'failed', reached: 'content' });
		expect(await left()).toEqual([]);
	});

	it('fails where a table does not take its rows', async () => {
		const text = forms['plain']!.content.toString();
		const damaged = Buffer.from(text.replace('INSERT INTO public.a VALUES (500,', 'INSERT INTO public.a VALUES (1,'));
		expect(damaged.toString()).not.toBe(text);
		const report = await tested(damaged, inMemory());
		expect(report).toMatchObject({ verdict: 'failed', reached: 'content', findings: [{ level: 'restore' }] });
	});

	it('holds what only a later version knows against nobody', async () => {
		const text = forms['plain']!.content.toString();
		const unknown = text.replace('INSERT INTO public.a VALUES', 'INSERT ANEW INTO public.a VALUES');
		const later = unknown.replace(/^-- Dumped from database version \d+/m, '-- Dumped from database version 99');
		const report = await tested(Buffer.from(unknown), inMemory());
		expect(report).toMatchObject({ verdict: 'failed', findings: [{ level: 'restore', severity: 'error' }] });
		expect(await tested(Buffer.from(later), inMemory())).toMatchObject({
			verdict: 'incomplete',
			findings: [{ level: 'restore', severity: 'inconclusive', message: report.findings[0]!.message }],
		});
	});

	it('goes by the size of the rows where a dump is compressed inside', async () => {
		const { content } = forms['custom']!;
		const maxRawBytes = content.length;
		const report = await tested(content, { postgres: { type: 'inProcess', maxRawBytes } });
		expect(report).toMatchObject({ verdict: 'incomplete', reached: 'content' });
		expect(report.findings[0]!.message).toMatch(/^The backup holds .*for a test restore in memory the limit is/);
	});

	it('looks at the points of a snapshot in a scratch collection, which is removed', async () => {
		for (const packing of PACKINGS) {
			const report = await tested(await packed(forms['collection']!.content, packing), inQdrant());
			expect(report.findings.filter(({ severity }) => severity !== 'warning')).toEqual([]);
			expect(report).toMatchObject({ verdict: 'passed', reached: 'restore' });
			expect(report.levels[2]!.counts).toMatchObject({ points: 20, shards: 2, sampled: 20, searched: 20, compared: 0 });
			expect(await left()).toEqual([]);
		}
	});

	it('is incomplete where there is no place for it, or no way, unless less is asked of such files', async () => {
		for (const form of ['collection', 'shard', 'tar', 'plain']) {
			const { content } = forms[form]!;
			expect(await tested(content, {})).toMatchObject({ verdict: 'incomplete', reached: 'content' });
			const asked: unknown[] = [];
			const levelFor = (system: unknown) => {
				asked.push(system);
				return 'content' as const;
			};
			const report = await tested(content, {}, { levelFor });
			expect(report).toMatchObject({ verdict: 'passed', requested: 'content', reached: 'content' });
			expect(asked).toEqual([{ collection: 'qdrant', plain: 'postgres', tar: 'files' }[form]]);
		}
	});
});
