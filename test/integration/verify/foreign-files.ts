import { createHash } from 'node:crypto';
import * as zlib from 'node:zlib';

import { PGlite } from '@electric-sql/pglite';
import { pgDump } from '@electric-sql/pglite-tools/pg_dump';
import * as openpgp from 'openpgp';
import tar from 'tar-stream';

import {
	type DecryptionKeys,
	type EncryptionKeys,
	prepareEncryption,
} from '../../../engine/archive/encryption/encryption';
import { startQdrant } from '../../services/qdrant';
import { collect } from '../archive/support';
import { archiveByPgDump18 } from '../postgres/foreign/pg-dump-18';
import { points, SnapshotServer, vectorOf } from '../qdrant/snapshot/snapshots';
import { noise } from '../../random/bytes';

const random = noise('verify/foreign-files');

export const PASSPHRASE = 'a long passphrase';

/** Deriving a key from a passphrase takes a while: files are encrypted for a key pair unless told. */
const pair = openpgp.generateKey({ userIDs: [{ name: 'Backup' }] });

/** What opens files that are encrypted here. */
export async function openingKeys(): Promise<DecryptionKeys> {
	return { passphrase: PASSPHRASE, privateKeys: [{ armored: (await pair).privateKey }] };
}

/** A file that others make, and how many of its bytes it needs: what follows is white space or padding. */
export interface ForeignFile {
	content: Buffer;
	needed: number;
	format: string;
}

function file(content: Buffer, format: string, needed = content.length): ForeignFile {
	return { content, needed, format };
}

const TABLES = `CREATE TABLE a (id int PRIMARY KEY, t text); INSERT INTO a SELECT n, repeat('x', n % 50) || E'\\n' FROM generate_series(1, 500) n;
	CREATE TABLE b (a int REFERENCES a); INSERT INTO b SELECT n FROM generate_series(1, 100) n;
	CREATE FUNCTION f() RETURNS text LANGUAGE sql AS $$ SELECT 'a;b' $$`;

/** Dumps by the genuine pg_dump 18: a plain one with INSERTs, and one in custom format with COPY. */
export async function dumps(): Promise<{ plain: ForeignFile; custom: ForeignFile }> {
	const pg = await PGlite.create();
	try {
		await pg.exec(TABLES);
		const plain = Buffer.from(await (await pgDump({ pg })).text());
		const foot = 'PostgreSQL database dump complete';
		const custom = await archiveByPgDump18(pg, []);
		return {
			plain: file(plain, 'plain SQL dump', plain.indexOf(foot) + foot.length),
			custom: file(custom, 'dump in custom format'),
		};
	} finally {
		await pg.close();
	}
}

/** Snapshots of a collection, of a shard and of a whole storage. */
export async function snapshots(): Promise<ForeignFile[]> {
	const qdrant = new SnapshotServer(await startQdrant());
	try {
		await qdrant.create('shop', { vectors: { size: 4, distance: 'Dot' }, shard_number: 2 });
		await qdrant.put(
			'shop',
			points(20, (index) => vectorOf(4, index)),
		);
		const paths = ['/collections/shop/snapshots', '/collections/shop/shards/0/snapshots', '/snapshots'];
		const made: ForeignFile[] = [];
		for (const path of paths) made.push(file(await qdrant.snapshot(path), 'snapshot of Qdrant'));
		return made;
	} finally {
		await qdrant.server.stop();
	}
}

/** With all sorts of members, long and odd names. */
export async function tarArchive(): Promise<ForeignFile> {
	const pack = tar.pack();
	pack.entry({ name: './', type: 'directory' });
	pack.entry({ name: './config.yml' }, 'a: 1\n');
	pack.entry({ name: `./${'long/'.repeat(60)}näme` }, random(5000));
	pack.entry({ name: './link', type: 'symlink', linkname: 'config.yml' });
	pack.entry({ name: './hard', type: 'link', linkname: './config.yml' });
	pack.entry({ name: './empty' }, '');
	pack.entry({ name: './noted', pax: { comment: 'size=7' } }, 'x'.repeat(511));
	pack.finalize();
	return file(await collect(pack as unknown as AsyncIterable<Uint8Array>), 'tar archive');
}

function someWorkflows() {
	const nodes = [{ id: '1', name: 'Start', type: 'n8n-nodes-base.manualTrigger', position: [0, 0], parameters: {} }];
	return Array.from({ length: 7 }, (_, index) => ({ id: `${index}`, name: `Wörk ${index}`, nodes, connections: {} }));
}

export function workflows(): ForeignFile {
	return file(Buffer.from(JSON.stringify(someWorkflows(), null, 2)), 'workflows of n8n');
}

/** A tar of the folder of `n8n export:workflow --separate`, with more files in it. */
export async function workflowFolder(more: Record<string, string> = {}): Promise<ForeignFile> {
	const pack = tar.pack();
	pack.entry({ name: './', type: 'directory' });
	for (const one of someWorkflows()) pack.entry({ name: `./${one.id}.json` }, JSON.stringify(one));
	for (const [name, content] of Object.entries(more)) pack.entry({ name: `./${name}` }, content);
	pack.finalize();
	return file(await collect(pack as unknown as AsyncIterable<Uint8Array>), 'workflows of n8n');
}

export type Packing = 'none' | 'gzip' | 'zstd' | 'openpgp';

export const PACKED: Record<Packing, string> = {
	none: '',
	gzip: ' in gzip',
	zstd: ' in zstd',
	openpgp: ', encrypted with OpenPGP',
};

export async function packed(content: Buffer, packing: Packing): Promise<Buffer> {
	switch (packing) {
		case 'none':
			return content;
		case 'gzip':
			return zlib.gzipSync(content);
		case 'zstd':
			return zlib.zstdCompressSync(content, { params: { [zlib.constants.ZSTD_c_checksumFlag]: 1 } });
		case 'openpgp':
			return await encrypted(content, { publicKeys: [(await pair).publicKey] });
	}
}

/** What stock libraries take out of a packed file. */
export async function unpacked(file: Buffer, packing: Exclude<Packing, 'none'>): Promise<Buffer> {
	if (packing === 'gzip') return zlib.gunzipSync(file);
	if (packing === 'zstd') return zlib.zstdDecompressSync(file);
	const message = await openpgp.readMessage({ binaryMessage: file });
	const decryptionKeys = await openpgp.readPrivateKey({ armoredKey: (await pair).privateKey });
	return Buffer.from((await openpgp.decrypt({ message, decryptionKeys, format: 'binary' })).data);
}

export async function encrypted(content: Buffer, keys: EncryptionKeys): Promise<Buffer> {
	const encryptor = await prepareEncryption(keys);
	return await collect(encryptor!.encrypt(one(content)));
}

async function* one(content: Buffer): AsyncGenerator<Buffer> {
	yield await Promise.resolve(content);
}

export function sha256(content: Buffer): string {
	return createHash('sha256').update(content).digest('hex');
}
