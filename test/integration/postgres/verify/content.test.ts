import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { Manifest } from '../../../../engine/archive';
import { backUpGlobals } from '../../../../engine/postgres';
import { type VerificationReport, verifyBackup } from '../../../../engine';
import { createEverything } from '../../../fixtures/postgres/everything-database';
import { globalsFixture } from '../../../fixtures/postgres/globals.sql';
import { type PostgresServer, startPostgres } from '../../../services/postgres';
import { forge, type Forgery, type OpenPart, partsOf } from '../../verify/forge';
import { SHOP } from '../engine/shop';
import { backUp, type Backup, connectionTo, databaseWith, temporaryStorage } from '../engine/support';

let server: PostgresServer;
let database: string;
let shop: Backup;
let everything: string;

beforeAll(async () => {
	server = await startPostgres({ version: 18 });
	database = await databaseWith(server, ...SHOP, `ALTER TABLE sales.customers SET SCHEMA public`);
	await server.query('postgres', `ALTER DATABASE "${database}" SET work_mem = '7MB'`);
	shop = await backUp(server, database);
	everything = await createEverything(server, { largeRows: 2_000 });
});

afterAll(async () => {
	await server?.stop();
});

async function verify({ storage, manifest }: Pick<Backup, 'storage' | 'manifest'>): Promise<VerificationReport> {
	return await verifyBackup({ storage, manifest, folder: 'postgres', level: 'content' });
}

/** What is found in the shop's backup after a change that all hashes follow. */
async function forged(forgery: Forgery): Promise<string> {
	const { storage, manifest } = shop;
	const key = await forge(storage, { manifest, folder: 'postgres' }, forgery);
	const report = await verifyBackup({ storage, key, level: 'content' });
	expect(report.findings).not.toEqual([]);
	expect(report, JSON.stringify(report.findings)).toMatchObject({ verdict: 'failed', reached: 'integrity' });
	return report.findings.map(({ part = '', message }) => `${part}: ${message}`).join('\n');
}

/** Changes the text of a part of a type (and table): the first in which there is something to change. */
function edited(edit: (text: string) => string, type: string, table?: string) {
	return (parts: OpenPart[]): OpenPart[] => {
		const index = table === undefined ? undefined : indexOf(table);
		const texts = parts.map(({ raw }) => raw.toString('latin1'));
		const at = parts.findIndex(
			({ part }, position) => part.type === type && part.table === index && edit(texts[position]!) !== texts[position],
		);
		expect(at).toBeGreaterThanOrEqual(0);
		return parts.with(at, { ...parts[at]!, raw: Buffer.from(edit(texts[at]!), 'latin1') });
	};
}

function indexOf(table: string): number {
	return shop.manifest.tables!.findIndex(({ name }) => name === table);
}

function frameOf(parts: OpenPart[], table: string): number {
	return parts.findIndex(({ part }) => part.table === indexOf(table));
}

describe('the content of a dump', () => {
	it.each([
		{},
		{ codec: { name: 'none' as const } },
		{ selection: { clean: true, ifExists: true, extraArguments: '--disable-triggers --quote-all-identifiers' } },
		{ selection: { content: 'schema' as const } },
		{ selection: { content: 'data' as const } },
		{ selection: { largeObjects: 'exclude' as const } },
		{ selection: { extraArguments: '--load-via-partition-root' } },
	])('passes with all that PostgreSQL can hold in it, backed up with %j', async (choice) => {
		const backup = await backUp(server, everything, choice);
		const report = await verify(backup);
		expect(report.findings).toEqual([]);
		expect(report).toMatchObject({ verdict: 'passed', reached: 'content' });
		const { tables, rows } = backup.manifest.counts;
		expect(report.levels[1]!.counts).toMatchObject({ tables, rows });
	});

	it('passes for rows of one table, rows longer than a frame and an empty database', async () => {
		const sql = `CREATE TABLE long (t text); INSERT INTO long VALUES (repeat(E'a\\n\\\\.\\nb', 400000)), ('x')`;
		const long = await databaseWith(server, sql);
		const backups = [
			await backUp(server, database, { selection: { tables: ['sales.orders'], content: 'data' } }),
			await backUp(server, long),
			await backUp(server, long, { selection: { content: 'data' } }),
			await backUp(server, await databaseWith(server)),
			await backUp(server, await databaseWith(server, 'CREATE TABLE nothing (); INSERT INTO nothing DEFAULT VALUES')),
		];
		for (const backup of backups) expect((await verify(backup)).findings).toEqual([]);
		expect((await verify(backups[4]!)).levels[1]!.counts).toMatchObject({ tables: 1, rows: 1 });
	});

	it('counts what it has looked at', async () => {
		const report = await verify(shop);
		expect(report).toMatchObject({
			verdict: 'passed',
			storedBytes: shop.manifest.size.stored,
			rawBytes: shop.manifest.size.raw,
			key: `postgres/${shop.manifest.file}`,
		});
		expect(report.levels.map(({ level }) => level)).toEqual(['integrity', 'content']);
		expect(report.levels[1]!.counts).toMatchObject({ tables: 5, rows: 3603, largeObjects: 1 });
	});

	it('fails where rows are lost, added or another table’s', async () => {
		const shorter = edited((text) => text.replace(/.*\n\\\.\n$/, '\\.\n'), 'data', 'orders');
		expect(await forged({ parts: shorter })).toMatch(
			/^sales\.orders: A frame \(at byte \d+\) holds 2999 rows; the manifest says 3000/,
		);
		const longer = edited((text) => text.replace('\n', '\n1000\tnew\n'), 'data', 'customers');
		expect(await forged({ parts: longer })).toMatch(
			/public\.customers: The archive holds 101 rows; the manifest says 100/,
		);
		const without = (parts: OpenPart[]) => parts.filter(({ part }) => part.table !== indexOf('orders'));
		expect(await forged({ parts: without })).toMatch(/sales\.orders: The archive holds 0 rows; the manifest says 3000/);
		const twice = (parts: OpenPart[]) => parts.toSpliced(2, 0, parts[frameOf(parts, 'orders')]!);
		expect(await forged({ parts: twice })).toMatch(/sales\.orders: The archive holds 6000 rows/);
		const swapped = (parts: OpenPart[]) => {
			const [a, b] = [frameOf(parts, 'orders'), frameOf(parts, 'customers')];
			return parts.with(a, { ...parts[a]!, raw: parts[b]!.raw }).with(b, { ...parts[b]!, raw: parts[a]!.raw });
		};
		expect(await forged({ parts: swapped })).toMatch(
			/sales\.orders: Where the manifest lists its rows \(at byte \d+\), there are those of public\.customers/,
		);
	});

	it('fails where bytes of rows are gone and their number is right', async () => {
		const changed = edited((text) => text.replace('customer 77', 'customer'), 'data', 'customers');
		expect(await forged({ parts: changed })).toMatch(
			/public\.customers: Its rows have \d+ bytes; the manifest says \d+/,
		);
	});

	it('fails where a COPY is not closed, or closed too early', async () => {
		const open = edited((text) => text.replace(/\\\.\n$/, ''), 'data', 'orders');
		expect(await forged({ parts: open })).toMatch(/sales\.orders: A frame .* ends without the line that ends its rows/);
		const early = edited((text) => text.replace(/\n/g, '\n\\.\n'), 'data', 'orders');
		expect(await forged({ parts: early })).toMatch(/goes on after the line that ends its rows/);
		const noCopy = edited((text) => text.slice(5), 'data', 'orders');
		expect(await forged({ parts: noCopy })).toMatch(/does not begin with a COPY \.\.\. FROM STDIN/);
	});

	it('fails where the script is cut off, out of order or without its head or foot', async () => {
		const cut = edited((text) => text.replace(/ADD CONSTRAINT[\s\S]*/, ''), 'post-data');
		expect(await forged({ parts: cut })).toMatch(/ends in|lacks its first or its closing line/);
		const noFoot = edited((text) => text.replace('-- PostgreSQL database dump complete', ''), 'post-data');
		expect(await forged({ parts: noFoot })).toMatch(/lacks its first or its closing line/);
		const noHead = edited((text) => text.replace('-- PostgreSQL database dump\n', ''), 'pre-data');
		expect(await forged({ parts: noHead })).toMatch(/lacks its first or its closing line/);
		const only = (...types: string[]) => ({
			parts: (parts: OpenPart[]) => parts.filter(({ part }) => types.includes(part.type)),
		});
		expect(await forged(only('settings', 'pre-data', 'data', 'large-objects'))).toMatch(/closing line/);
		expect(await forged(only('settings'))).toMatch(/lacks its first/);
		expect(await forged({ parts: (parts) => parts.toReversed() })).toMatch(/is not in its place/);
		expect(await forged({ parts: (parts) => [...parts.slice(0, -1), ...parts.slice(0, 2), parts.at(-1)!] })).toMatch(
			/is not in its place/,
		);
	});

	it('fails where large objects or settings are not what they should be', async () => {
		const noPut = edited((text) => text.replace('lo_put', 'lo_get'), 'large-objects');
		expect(await forged({ parts: noPut })).toMatch(/Among the contents of large objects stands something else/);
		const none = edited((text) => text.replace(/^SELECT pg_catalog\.lo_put.*\n/m, ''), 'large-objects');
		expect(await forged({ parts: none })).toMatch(/frame of large objects .* holds \d+ pieces; the manifest says \d+/);
		const noCreate = edited((text) => text.replace('lo_create', 'lo_other'), 'post-data');
		expect(await forged({ parts: noCreate })).toMatch(/0 large objects; the manifest counts 1/);
		const settings = edited((text) => text.slice(0, -9), 'settings');
		expect(await forged({ parts: settings })).toMatch(/settings of the database/);
	});

	it('fails where the manifest promises other things', async () => {
		const counts = { ...shop.manifest.counts, rows: 3604 };
		expect(await forged({ manifest: { counts } })).toMatch(/holds 3603 rows; the manifest counts 3604/);
		const tables = shop.manifest.tables!.map((table, index) =>
			index === 0 ? { ...table, rows: table.rows + 1 } : table,
		);
		expect(await forged({ manifest: { tables } })).toMatch(/holds \d+ rows; the manifest says \d+/);
		const partial: Manifest['partial'] = { content: 'schema', selection: [] };
		expect(await forged({ manifest: { partial } })).toMatch(/holds rows, though/);
	});

	it('is incomplete for a part that a later version has written', async () => {
		const { storage, manifest } = shop;
		const extra = (parts: OpenPart[]) =>
			parts.toSpliced(-1, 0, { part: { ...parts[0]!.part, type: 'hologram' }, raw: Buffer.from('?') });
		const key = await forge(storage, { manifest, folder: 'postgres' }, { parts: extra });
		const report = await verifyBackup({ storage, key, level: 'content' });
		expect(report).toMatchObject({ verdict: 'incomplete', reached: 'integrity' });
		expect(report.findings).toMatchObject([
			{ severity: 'inconclusive', message: expect.stringMatching('hologram') as string },
		]);
	});

	it('shows neither rows nor statements in its findings', async () => {
		const changed = edited(
			(text) => text.replace(/customer 77/, `customer ' "secret`).replace(/\\\.\n$/, ''),
			'data',
			'customers',
		);
		const unclosed = edited((text) => `${text}\nCREATE ROLE x PASSWORD 'secret`, 'post-data');
		expect(await forged({ parts: (parts) => unclosed(changed(parts)) })).not.toMatch(/secret/);
	});
});

describe('the content of a backup of globals', () => {
	it('passes where it is whole, and fails where the script or what it creates is not', async () => {
		const statements = globalsFixture(18).filter((sql) => !/TABLESPACE/.test(sql));
		for (const sql of statements) await server.query('postgres', sql);
		const { storage } = temporaryStorage();
		const manifest = await backUpGlobals({
			connection: connectionTo(server, 'postgres'),
			storage,
			codec: { name: 'gzip' },
		});
		const report = await verify({ storage, manifest });
		expect(report.findings).toEqual([]);
		const [{ raw } = { raw: '' }] = await partsOf(storage, { manifest, folder: 'postgres' });
		const script = raw.toString();
		expect(report.levels[1]!.counts).toMatchObject({ roles: manifest.counts['roles'], tablespaces: 0 });
		const messages = async (edit: (text: string) => string) => {
			expect(edit(script)).not.toBe(script);
			const parts = (all: OpenPart[]) => [{ ...all[0]!, raw: Buffer.from(edit(all[0]!.raw.toString())) }];
			const key = await forge(storage, { manifest, folder: 'postgres' }, { parts });
			const { verdict, findings } = await verifyBackup({ storage, key, level: 'content' });
			expect(verdict).toBe('failed');
			return findings.map(({ message }) => message).join('\n');
		};
		expect(await messages((text) => text.replace(/^CREATE ROLE .*;\n/m, ''))).toMatch(
			/creates \d+ roles; the manifest counts/,
		);
		expect(await messages((text) => text.replace(/\n-- PostgreSQL.*complete/, ''))).toMatch(/closing line/);
		expect(await messages((text) => text.slice(0, text.indexOf('PASSWORD') + 15))).toMatch(/ends in a/);
		expect(await messages((text) => text.slice(0, text.indexOf('PASSWORD') + 15))).not.toMatch(/SCRAM/);
	});
});
