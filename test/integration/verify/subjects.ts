import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import fc from 'fast-check';
import * as openpgp from 'openpgp';

import {
	backUpCollections,
	backUpDatabase,
	backUpGlobals,
	type DecryptionKeys,
	type Manifest,
	manifestKeyOf,
	parseManifest,
} from '../../../engine';
import type { EncryptionKeys } from '../../../engine/archive';
import { backUpStorage } from '../../../engine/qdrant';
import type { FolderStorage } from '../../../engine/storage';
import { startPostgres } from '../../services/postgres';
import { startQdrant } from '../../services/qdrant';
import { startQdrantCluster } from '../../services/qdrant-cluster';
import { ask, at, createPlain, fill, plainShape } from '../../services/qdrant-data';
import { SHOP } from '../postgres/engine/shop';
import { connectionTo, databaseWith } from '../postgres/engine/support';

const PASSPHRASE = 'a long passphrase';
const CODECS = ['zstd', 'gzip', 'none'] as const;

/** A backup that nothing has happened to. */
export interface Subject {
	key: string;
	archive: Buffer;
	/** Of its manifest. */
	text: string;
	manifest: Manifest;
	/** What it was encrypted for. */
	encryption: EncryptionKeys | undefined;
}

export interface Subjects {
	all: Subject[];
	/** For all of them. */
	keys: DecryptionKeys;
	/** For none of them. */
	otherKeys: DecryptionKeys;
}

/**
 * Backs up everything that there is a kind for, in every codec, encrypted and not. Deriving a key from a passphrase takes a
 * while, so that most are encrypted for a key pair.
 */
export async function makeSubjects(storage: FolderStorage, root: string): Promise<Subjects> {
	const all: Subject[] = [];
	const [pair, other] = await Promise.all([newPair(), newPair()]);
	const [postgres, qdrant, peers] = await Promise.all([
		startPostgres({ version: 18 }),
		startQdrant(),
		startQdrantCluster(2),
	]);
	try {
		const database = await databaseWith(postgres, ...SHOP);
		await postgres.query('postgres', `CREATE ROLE someone PASSWORD 'secret'`);
		await createPlain(qdrant, 'docs', 20);
		const [peer] = peers as [(typeof peers)[number]];
		await ask(peer, 'PUT', at('spread'), { vectors: { size: 4, distance: 'Dot' }, shard_number: 2 });
		await fill(peer, 'spread', plainShape(4), { count: 20 });
		const connection = connectionTo(postgres, database);
		const single = { connection: { url: qdrant.url } };
		const cluster = { connection: { url: peer.url, peerUrls: peers.map(({ url }) => url) } };
		for (const name of CODECS) {
			for (const encryption of [undefined, { publicKeys: [pair.publicKey] }]) {
				const shared = { storage, codec: { name }, ...(encryption && { encryption }) };
				const note = (folder: string, { file }: Manifest) => all.push(subjectOf(root, `${folder}/${file}`, encryption));
				note('postgres', await backUpDatabase({ ...shared, connection, tags: ['of the test'] }));
				note('postgres', await backUpGlobals({ ...shared, connection }));
				note('qdrant', (await backUpCollections({ ...shared, ...single })).backups[0]!);
				note('qdrant', (await backUpCollections({ ...shared, ...cluster })).backups[0]!);
				note('qdrant', await backUpStorage({ ...shared, ...single }));
			}
		}
		const encryption = { passphrase: PASSPHRASE };
		const { file } = await backUpDatabase({ storage, codec: { name: 'zstd' }, encryption, connection });
		all.push(subjectOf(root, `postgres/${file}`, encryption));
	} finally {
		await Promise.all([postgres, qdrant, ...peers].map(async (server) => await server.stop()));
	}
	return {
		all,
		keys: { passphrase: PASSPHRASE, privateKeys: [{ armored: pair.privateKey }] },
		otherKeys: { passphrase: 'another', privateKeys: [{ armored: other.privateKey }] },
	};
}

async function newPair(): Promise<{ publicKey: string; privateKey: string }> {
	return await openpgp.generateKey({ userIDs: [{ name: 'Backup' }] });
}

function subjectOf(root: string, key: string, encryption: EncryptionKeys | undefined): Subject {
	const text = readFileSync(join(root, manifestKeyOf(key)), 'utf8');
	return { key, text, archive: readFileSync(join(root, key)), manifest: parseManifest(text, key), encryption };
}

/** Any of the subjects, of these codecs. */
export function anyOf(
	{ all }: Subjects,
	encrypted: boolean,
	codecs: readonly (typeof CODECS)[number][] = CODECS,
): fc.Arbitrary<Subject> {
	return fc.constantFrom(
		...all.filter(
			({ manifest, encryption }) => Boolean(encryption) === encrypted && codecs.includes(manifest.codec.name),
		),
	);
}

/** All that are not encrypted, and one of every form that is. */
export function fewerEncrypted({ all }: Subjects): Subject[] {
	return all.filter(({ encryption, manifest: { codec } }) => !encryption || codec.name === 'zstd');
}

/** A place in whatever is damaged: a share of its length. */
export const place = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

export function flipped(bytes: Buffer, at: number, bit: number): Buffer {
	const changed = Buffer.from(bytes);
	changed[Math.floor(at * bytes.length)]! ^= 1 << Math.floor(bit * 8);
	return changed;
}
