import { createHash, randomUUID } from 'node:crypto';

import {
	makeArchive,
	openArchive,
	writeFrames,
	type ArchiveReader,
	type BackupKind,
	type CodecName,
	type Manifest,
} from '../../../../../engine/archive';
import type { Storage } from '../../../../../engine/storage';
import { memberHeader, tarEnd, tarPadding } from '../../../../../engine/tar';

/** A member of the tar of a base backup that a test makes up. */
export interface Member {
	name: string;
	type?: 'file' | 'directory' | 'symlink' | 'link';
	content?: Uint8Array | string;
	target?: string;
	/** What the backup_manifest says instead; false where that does not list it. */
	listed?: { path?: string; size?: number; sha256?: string } | false;
}

/** A base backup as PostgreSQL would send it, of members that may be anything. */
export interface MadeBase {
	members: Member[];
	needs?: string[];
	source?: Record<string, unknown>;
	/** Changes the text of the backup_manifest. */
	forge?: (manifest: string) => string;
	codec?: CodecName;
}

const bytesIn = ({ content = '' }: Member) => Buffer.from(content);

/** The text of a backup_manifest as PostgreSQL writes it. */
export function manifestOf(members: readonly Member[]): string {
	const files = members.flatMap((member) => {
		const { name, type = 'file', listed = {} } = member;
		if (type !== 'file' || listed === false) return [];
		const content = bytesIn(member);
		const { path = name, size = content.length } = listed;
		const sha256 = listed.sha256 ?? createHash('sha256').update(content).digest('hex');
		return [
			`{ "Path": ${JSON.stringify(path)}, "Size": ${size}, "Last-Modified": "2026-11-28 20:36:00 GMT", "Checksum-Algorithm": "SHA256", "Checksum": "${sha256}" }`,
		];
	});
	const text = `{ "PostgreSQL-Backup-Manifest-Version": 1,\n"Files": [\n${files.join(',\n')}\n],\n"WAL-Ranges": [\n{ "Timeline": 1, "Start-LSN": "0/2000028", "End-LSN": "0/2000100" }\n],\n`;
	return `${text}"Manifest-Checksum": "${createHash('sha256').update(text).digest('hex')}"}\n`;
}

async function* tarOf(members: readonly Member[]): AsyncGenerator<Uint8Array> {
	for (const member of members) {
		const { name, type = 'file', target } = member;
		const content = type === 'file' ? bytesIn(member) : Buffer.alloc(0);
		const facts = { name: Buffer.from(name), type, size: content.length, mode: 0o600, uid: 26, gid: 26 };
		yield memberHeader({ ...facts, modified: 0n, ...(target !== undefined && { target: Buffer.from(target) }) });
		if (content.length > 0) yield content;
		yield tarPadding(content.length);
	}
}

/** Stores the archive of a base backup, and opens it. */
export async function storeBase(storage: Storage, base: MadeBase): Promise<ArchiveReader> {
	const { members, needs = [], source = {}, forge = (text) => text, codec = 'none' } = base;
	const kind: BackupKind = 'postgres-base';
	const archive = { name: 'cluster', startedAt: new Date(), extension: 'tar', kind };
	const manifest: Manifest = await makeArchive({ storage, codec: { name: codec } }, archive, async (writer) => {
		const content = Buffer.from(forge(manifestOf(members)));
		const last = { name: Buffer.from('backup_manifest'), type: 'file', size: content.length } as const;
		const header = memberHeader({ ...last, modified: 0n, mode: 0o600, uid: 26, gid: 26 });
		await writeFrames(writer, 'base', filled(tarOf(members), header));
		await writer.frame({ type: 'backup-manifest' }, content);
		await writer.frame({ type: 'base' }, Buffer.concat([tarPadding(content.length), tarEnd()]));
		return {
			source: { system: 'PostgreSQL', version: '18.4', blockBytes: 8192, id: randomUUID(), ...source },
			counts: {},
			needs,
		};
	});
	return await openArchive(storage, `postgres/base/${manifest.file}.manifest.json`);
}

async function* filled(source: AsyncIterable<Uint8Array>, end?: Uint8Array): AsyncGenerator<Uint8Array> {
	for await (const chunk of source) if (chunk.length > 0) yield chunk;
	if (end) yield end;
}
