/** How often a verification reads an archive from its storage: a backup may be large, and a bucket far away. */
import { Readable } from 'node:stream';

import * as openpgp from 'openpgp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import {
	backUpCollections,
	backUpDatabase,
	backUpGlobals,
	backUpStorage,
	type DecryptionKeys,
	type Manifest,
	type PostgresScratch,
	type QdrantScratch,
	type VerificationLevel,
	type VerificationReport,
	verifyBackup,
	verifyFile,
} from '../../../engine';
import type { EncryptionKeys } from '../../../engine/archive';
import { FolderStorage, type ReadOptions } from '../../../engine/storage';
import { removeFolder, temporaryFolder } from '../../services/guard';
import { type PostgresServer, startPostgres } from '../../services/postgres';
import { type QdrantServer, startQdrant } from '../../services/qdrant';
import { startQdrantCluster } from '../../services/qdrant-cluster';
import { ask, at, createPlain, fill, plainShape } from '../../services/qdrant-data';
import { connectionTo, databaseWith } from '../postgres/engine/support';
import { snapshotOf } from '../qdrant/verify/support';

/** A folder that counts the bytes that it hands out, by key. */
class CountingStorage extends FolderStorage {
	readonly handedOut = new Map<string, number>();

	override async read(key: string, options: ReadOptions = {}): Promise<Readable> {
		const source = await super.read(key, options);
		const { handedOut } = this;
		return Readable.from(
			(async function* () {
				for await (const chunk of source) {
					handedOut.set(key, (handedOut.get(key) ?? 0) + (chunk as Buffer).length);
					yield chunk as Buffer;
				}
			})(),
			{ objectMode: false, highWaterMark: 1 },
		);
	}
}

const CODECS = ['zstd', 'gzip', 'none'] as const;

/** Bytes that reading an encrypted archive by ranges takes more: its beginning, and a block of AES in front of each range. */
const AROUND_RANGES = 4096;
const root = temporaryFolder('reads');
const storage = new CountingStorage({ root });
let postgres: PostgresServer;
let qdrant: QdrantServer;
let peers: QdrantServer[];
let database: string;
let pair: { publicKey: string; privateKey: string };
let keys: DecryptionKeys;

beforeAll(async () => {
	[postgres, qdrant, peers] = await Promise.all([startPostgres({ version: 18 }), startQdrant(), startQdrantCluster(2)]);
	database = await databaseWith(
		postgres,
		`CREATE TABLE large (id int PRIMARY KEY, t text)`,
		`INSERT INTO large SELECT n, md5(n::text) || md5((-n)::text) FROM generate_series(1, 20000) n`,
		`CREATE TABLE small (id serial, large int REFERENCES large)`,
		`INSERT INTO small (large) SELECT n FROM generate_series(1, 1000) n`,
		`SELECT lo_from_bytea(0, 'a large object')`,
	);
	await postgres.query('postgres', `ALTER DATABASE "${database}" SET work_mem = '7MB'`);
	await createPlain(qdrant, 'docs', 3000, 64);
	const [peer] = peers as [QdrantServer];
	await ask(peer, 'PUT', at('spread'), { vectors: { size: 64, distance: 'Dot' }, shard_number: 3 });
	await fill(peer, 'spread', plainShape(64), { count: 2000 });
	pair = await openpgp.generateKey({ userIDs: [{ name: 'Backup' }] });
	keys = { privateKeys: [{ armored: pair.privateKey }] };
});

afterAll(async () => {
	await Promise.all([postgres, qdrant, ...(peers ?? [])].map(async (server) => await server?.stop()));
	removeFolder(root);
});

const single = () => ({ connection: { url: qdrant.url } });
const cluster = () => ({ connection: { url: peers[0]!.url, peerUrls: peers.map(({ url }) => url) } });

type Shared = { storage: CountingStorage; codec: { name: (typeof CODECS)[number] }; encryption?: EncryptionKeys };

/** What is backed up, how, and where it is restored for a test, if it is. */
const BACKUPS: Record<
	string,
	{ folder: string; make: (shared: Shared) => Promise<Manifest>; scratch?: () => PostgresScratch | QdrantScratch }
> = {
	'a database': {
		folder: 'postgres',
		make: async (shared) => await backUpDatabase({ ...shared, connection: connectionTo(postgres, database) }),
		scratch: () => ({ type: 'inProcess', maxRawBytes: 1e8 }),
	},
	'a database, on a server': {
		folder: 'postgres',
		make: async (shared) => await backUpDatabase({ ...shared, connection: connectionTo(postgres, database) }),
		scratch: () => ({ type: 'server', connection: connectionTo(postgres, 'postgres') }),
	},
	roles: {
		folder: 'postgres',
		make: async (shared) => await backUpGlobals({ ...shared, connection: connectionTo(postgres, 'postgres') }),
		scratch: () => ({ type: 'inProcess', maxRawBytes: 1e8 }),
	},
	'a collection': {
		folder: 'qdrant',
		make: async (shared) => (await backUpCollections({ ...shared, ...single() })).backups[0]!,
		scratch: single,
	},
	'a collection of a cluster': {
		folder: 'qdrant',
		make: async (shared) => (await backUpCollections({ ...shared, ...cluster() })).backups[0]!,
		scratch: cluster,
	},
	'a whole storage': {
		folder: 'qdrant',
		make: async (shared) => await backUpStorage({ ...shared, ...single() }),
	},
};

/** Verifies, and answers as well how often the storage has handed out the archive. */
async function reading(
	manifest: Manifest,
	folder: string,
	level: VerificationLevel,
	more: { keys?: DecryptionKeys; scratch?: Record<string, unknown> } = {},
): Promise<{ times: number; report: VerificationReport }> {
	storage.handedOut.clear();
	const report = await verifyBackup({ storage, manifest, folder, level, ...more });
	return { times: (storage.handedOut.get(`${folder}/${manifest.file}`) ?? 0) / manifest.size.stored, report };
}

describe('a verification reads the archive', () => {
	it.each(Object.keys(BACKUPS))('of %s once, and once more to restore it for a test', async (what) => {
		const { folder, make, scratch } = BACKUPS[what]!;
		for (const name of CODECS) {
			for (const encryption of [undefined, { publicKeys: [pair.publicKey] }]) {
				const manifest = await make({ storage, codec: { name }, ...(encryption && { encryption }) });
				const opening = encryption ? { keys } : {};
				for (const level of ['integrity', 'content'] as const) {
					const { times, report } = await reading(manifest, folder, level, opening);
					expect(report, JSON.stringify(report.findings)).toMatchObject({ verdict: 'passed', reached: level });
					expect(times).toBe(1);
				}
				// A test restore takes seconds, and reads all codecs alike.
				if (!scratch || name === 'gzip' || (name === 'none' && encryption)) continue;
				const system = folder;
				const { times, report } = await reading(manifest, folder, 'restore', {
					...opening,
					scratch: { [system]: scratch() },
				});
				expect(report, JSON.stringify(report.findings)).toMatchObject({ verdict: 'passed', reached: 'restore' });
				expect(times, `${name}${encryption ? ', encrypted' : ''}`).toBeGreaterThan(1.5);
				const again = encryption ? AROUND_RANGES / manifest.size.stored : 0;
				expect(times, `${name}${encryption ? ', encrypted' : ''}`).toBeLessThanOrEqual(2 + again);
			}
		}
	});

	it('once without a key, or with another one, and tells that the bytes are the ones that were written', async () => {
		const { folder, make } = BACKUPS['a collection']!;
		const other = await openpgp.generateKey({ userIDs: [{ name: 'Other' }] });
		const passphrase = 'a long passphrase';
		const trials: [EncryptionKeys, DecryptionKeys | undefined][] = [
			[{ publicKeys: [pair.publicKey] }, undefined],
			[{ publicKeys: [pair.publicKey] }, { privateKeys: [{ armored: other.privateKey }] }],
			[{ passphrase, publicKeys: [pair.publicKey] }, { passphrase: 'another' }],
		];
		for (const [encryption, wrong] of trials) {
			const manifest = await make({ storage, codec: { name: 'zstd' }, encryption });
			for (const level of ['integrity', 'restore'] as const) {
				const { times, report } = await reading(manifest, folder, level, {
					...(wrong && { keys: wrong }),
					scratch: { qdrant: single() },
				});
				expect(times).toBe(1);
				expect(report).toMatchObject({ verdict: 'incomplete', reached: undefined });
				expect(report.findings).toHaveLength(1);
				expect(report.findings[0]!.message).toMatch(
					/compared with its size and SHA-256, and is the one that was written\.$/,
				);
				expect(report.levels).toMatchObject([{ level: 'integrity', counts: { storedBytes: manifest.size.stored } }]);
			}
		}
	});

	it('of a snapshot that somebody else made once, and once more to restore it', async () => {
		const snapshot = await snapshotOf(qdrant, 'docs');
		await storage.write('files/docs.snapshot', Readable.from([snapshot]));
		for (const [level, most] of [
			['integrity', 1],
			['content', 1],
			['restore', 2],
		] as const) {
			storage.handedOut.clear();
			const report = await verifyFile({ storage, key: 'files/docs.snapshot', level, scratch: { qdrant: single() } });
			expect(report, JSON.stringify(report.findings)).toMatchObject({ verdict: 'passed', reached: level });
			expect(storage.handedOut.get('files/docs.snapshot')! / snapshot.length).toBe(most);
		}
	});
});
