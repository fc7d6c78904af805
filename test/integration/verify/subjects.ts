import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import fc from 'fast-check';

import {
	backUpCollections,
	backUpDatabase,
	backUpGlobals,
	type Manifest,
	manifestKeyOf,
	parseManifest,
} from '../../../engine';
import { backUpStorage } from '../../../engine/qdrant';
import type { FolderStorage } from '../../../engine/storage';
import { startPostgres } from '../../services/postgres';
import { startQdrant } from '../../services/qdrant';
import { startQdrantCluster } from '../../services/qdrant-cluster';
import { ask, at, createPlain, fill, plainShape } from '../../services/qdrant-data';
import { SHOP } from '../postgres/engine/shop';
import { connectionTo, databaseWith } from '../postgres/engine/support';

export const PASSPHRASE = 'a long passphrase';
export const CODECS = ['zstd', 'gzip', 'none'] as const;
const FORMS = ['database', 'globals', 'collection', 'cluster', 'storage'] as const;

/** A backup that nothing has happened to. */
export interface Subject {
	key: string;
	archive: Buffer;
	/** Of its manifest. */
	text: string;
	manifest: Manifest;
}

/** By form, codec and whether it is encrypted: `cluster zstd true`. */
export type Subjects = ReadonlyMap<string, Subject>;

/** Backs up everything that there is a kind for, in every codec, encrypted and not. */
export async function makeSubjects(storage: FolderStorage, root: string): Promise<Subjects> {
	const subjects = new Map<string, Subject>();
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
			for (const encryption of [undefined, { passphrase: PASSPHRASE }]) {
				const shared = { storage, codec: { name }, ...(encryption && { encryption }) };
				const note = (form: (typeof FORMS)[number], folder: string, { file }: Manifest) =>
					subjects.set(`${form} ${name} ${Boolean(encryption)}`, subjectOf(root, `${folder}/${file}`));
				note('database', 'postgres', await backUpDatabase({ ...shared, connection, tags: ['of the test'] }));
				note('globals', 'postgres', await backUpGlobals({ ...shared, connection }));
				note('collection', 'qdrant', (await backUpCollections({ ...shared, ...single })).backups[0]!);
				note('cluster', 'qdrant', (await backUpCollections({ ...shared, ...cluster })).backups[0]!);
				note('storage', 'qdrant', await backUpStorage({ ...shared, ...single }));
			}
		}
	} finally {
		await Promise.all([postgres, qdrant, ...peers].map(async (server) => await server.stop()));
	}
	return subjects;
}

function subjectOf(root: string, key: string): Subject {
	const text = readFileSync(join(root, manifestKeyOf(key)), 'utf8');
	return { key, text, archive: readFileSync(join(root, key)), manifest: parseManifest(text, key) };
}

/** Any of the subjects, of these codecs. */
export function anyOf(
	subjects: Subjects,
	encrypted: boolean,
	codecs: readonly (typeof CODECS)[number][] = CODECS,
): fc.Arbitrary<Subject> {
	return fc
		.tuple(fc.constantFrom(...FORMS), fc.constantFrom(...codecs))
		.map(([form, codec]) => subjects.get(`${form} ${codec} ${encrypted}`)!);
}

/** All that are not encrypted, and one of every form that is: deriving a key from a passphrase takes a while. */
export function fewerEncrypted(subjects: Subjects): Subject[] {
	return [...subjects.values()].filter(({ manifest: { encryption, codec } }) => !encryption || codec.name === 'zstd');
}

/** A place in whatever is damaged: a share of its length. */
export const place = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

export function flipped(bytes: Buffer, at: number, bit: number): Buffer {
	const changed = Buffer.from(bytes);
	changed[Math.floor(at * bytes.length)]! ^= 1 << Math.floor(bit * 8);
	return changed;
}
