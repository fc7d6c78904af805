/** A storage that fails, bytes that change and cancels at any moment, while a backup is verified as deep as can be. */
import { Readable } from 'node:stream';

import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { BackupError } from '../../../engine/errors';
import { FolderStorage, type ReadOptions } from '../../../engine/storage';
import { type ScratchTargets, verifyBackup } from '../../../engine';
import { type PostgresServer, startPostgres } from '../../services/postgres';
import { startQdrant, type QdrantServer } from '../../services/qdrant';
import { ask, createPlain } from '../../services/qdrant-data';
import { type Backup, backUp, connectionTo, databaseNames, databaseWith } from '../postgres/engine/support';
import { backUp as backUpCollection, connectionTo as connectionToQdrant } from '../qdrant/support';

/** `break`: an error in the middle. `end`: the bytes stop without one. `flip`: a byte is another one. */
interface Fault {
	kind: 'break' | 'end' | 'flip';
	/** Which of the bytes of archives that are read, over all reads. */
	at: number;
}

/** Lets a fault happen once so many bytes of archives were read. */
class FaultyStorage extends FolderStorage {
	passed = 0;
	happened = false;

	constructor(
		root: string,
		readonly fault: Fault,
	) {
		super({ root });
	}

	override async read(key: string, options: ReadOptions = {}): Promise<Readable> {
		const source = await super.read(key, options);
		return key.endsWith('.json') ? source : Readable.from(this.#faulty(source));
	}

	async *#faulty(source: Readable): AsyncGenerator<Buffer> {
		for await (const piece of source) {
			const chunk = piece as Buffer;
			const at = this.fault.at - this.passed;
			this.passed += chunk.length;
			if (at < 0 || at >= chunk.length) {
				yield chunk;
				continue;
			}
			this.happened = true;
			if (this.fault.kind === 'flip') {
				const changed = Buffer.from(chunk);
				changed[at]! ^= 1;
				yield changed;
				continue;
			}
			if (at > 0) yield chunk.subarray(0, at);
			if (this.fault.kind === 'end') return;
			throw new BackupError('STORAGE_UNREACHABLE', 'The network went away.');
		}
	}
}

let postgres: PostgresServer;
let qdrant: QdrantServer;
let database: Pick<Backup, 'manifest' | 'root'>;
let collection: Pick<Backup, 'manifest' | 'root'>;
let scratch: ScratchTargets;

beforeAll(async () => {
	[postgres, qdrant] = await Promise.all([startPostgres({ version: 18 }), startQdrant()]);
	const name = await databaseWith(
		postgres,
		`CREATE TABLE t AS SELECT n, md5(n::text) AS m FROM generate_series(1, 2000) n`,
		`CREATE TABLE u AS SELECT n FROM generate_series(1, 100) n`,
		`SELECT lo_from_bytea(0, decode(repeat('0011', 1000), 'hex'))`,
	);
	database = await backUp(postgres, name);
	await createPlain(qdrant, 'docs', 50);
	collection = await backUpCollection(qdrant, 'docs');
	scratch = {
		postgres: { type: 'server', connection: connectionTo(postgres, 'postgres') },
		qdrant: { connection: connectionToQdrant(qdrant) },
	};
});

afterAll(async () => {
	await Promise.all([postgres?.stop(), qdrant?.stop()]);
});

async function scratchThings(): Promise<string[]> {
	const { collections } = await ask<{ collections: { name: string }[] }>(qdrant, 'GET', '/collections');
	const names = [...(await databaseNames(postgres)), ...collections.map(({ name }) => name)];
	return names.filter((name) => name.startsWith('stack_backup_verify_'));
}

async function verified({ manifest, root }: Pick<Backup, 'manifest' | 'root'>, fault: Fault, signal?: AbortSignal) {
	const storage = new FaultyStorage(root, fault);
	const folder = manifest.kind === 'qdrant' ? 'qdrant' : 'postgres';
	const report = await verifyBackup({
		storage,
		manifest,
		folder,
		level: 'restore',
		scratch,
		...(signal && { signal }),
	});
	return { report, storage };
}

const NEVER: Fault = { kind: 'break', at: Infinity };

describe.each(['a database', 'a collection'])('a verification of %s', (what) => {
	const subject = () => (what === 'a database' ? database : collection);

	it('never passes where the storage fails in the middle, in whichever read of the archive', async () => {
		const { report, storage } = await verified(subject(), NEVER);
		expect(report.findings.filter(({ severity }) => severity !== 'warning')).toEqual([]);
		expect(report.verdict).toBe('passed');
		const kinds = fc.constantFrom<Fault['kind']>('break', 'end', 'flip');
		await fc.assert(
			fc.asyncProperty(kinds, fc.nat(storage.passed - 1), async (kind, at) => {
				const faulty = await verified(subject(), { kind, at });
				expect(faulty.storage.happened).toBe(true);
				expect(faulty.report.verdict).toBe(kind === 'break' ? 'incomplete' : 'failed');
				expect(await scratchThings()).toEqual([]);
			}),
			{ numRuns: 15, endOnFailure: true },
		);
	});

	it('leaves nothing behind wherever it is cancelled', async () => {
		const { report } = await verified(subject(), NEVER);
		await fc.assert(
			fc.asyncProperty(fc.nat(report.duration), async (delay) => {
				const outcome = await verified(subject(), NEVER, AbortSignal.timeout(delay)).catch((error: unknown) => error);
				if (outcome instanceof Error) expect(outcome).toMatchObject({ code: 'CANCELLED' });
				else expect(outcome).toMatchObject({ report: { verdict: 'passed' } });
				expect(await scratchThings()).toEqual([]);
			}),
			{ numRuns: 12, endOnFailure: true },
		);
	});
});
