/**
 * How the archives of a base backup become one tar. Each of them is walked as it comes; members get their names within the data
 * directory, those of a tablespace below `pg_tblspc/<oid>`, and are checked on their way into the frames (dataFiles.ts). PostgreSQL's
 * manifest comes last and is the last member, its content in frames of its own, so that a later incremental backup reads it alone.
 *
 * In memory: what the socket has read, the frames, 8 bytes a file, and the manifest, compressed.
 */
import { Readable } from 'node:stream';

import type { ArchiveWriter } from '../../../archive';
import { ByteCursor, EndedEarly } from '../../../archive/cursor';
import { BackupError, messageOf } from '../../../errors';
import { type MemberFacts, memberHeader, TarDamage, tarEnd, type TarMember, tarPadding, walkTar } from '../../../tar';
import type { SentArchive } from './answer';
import { BACKUP_MANIFEST, type DataFiles } from './dataFiles';
import { FrameFiller } from './frames';
import { Spool } from './spool';

/** What the server calls the owner of all files in its tars. */
const OWNER = 'postgres';

/** What is known once all was stored. */
export interface StoredData {
	/** When the server began, by its own clock; undefined where it did not tell. */
	startTime: Date | undefined;
	/** Whether there was a manifest of PostgreSQL's: servers before 13 make none. */
	hasManifest: boolean;
}

/**
 * Stores all archives.
 * @throws BackupError SOURCE_FAILED where what comes is no tar, or not what PostgreSQL's manifest says; as ArchiveWriter does
 */
export async function storeArchives(
	archives: AsyncIterable<SentArchive>,
	writer: ArchiveWriter,
	files: DataFiles,
): Promise<StoredData> {
	const frames = new FrameFiller(writer);
	const tar = new DataTar(frames, files);
	await frames.begin('base');
	const spool = new Spool();
	for await (const { type, oid, content } of archives) {
		if (type === 'manifest') {
			for await (const bytes of content) spool.add(bytes);
		} else await tar.archive(content, oid === undefined ? '' : `pg_tblspc/${oid}/`);
	}
	const hasManifest = spool.size > 0;
	if (hasManifest) {
		await assertAlike(files, spool);
		await tar.manifest(spool);
	}
	await frames.push(tarEnd());
	await frames.finish();
	return { startTime: tar.startTime, hasManifest };
}

/** @throws BackupError SOURCE_FAILED where PostgreSQL's manifest says something else than what came */
async function assertAlike(files: DataFiles, spool: Spool): Promise<void> {
	const problem = await files.compare(Readable.from(spool.bytes()));
	if (problem === undefined) return;
	throw new BackupError('SOURCE_FAILED', `The base backup is not what the server says that it sent: ${problem}.`, {
		hint: 'It was changed or lost on the way; nothing was kept of it. Run it again; where it happens again, look at the network and the disks of the server.',
	});
}

class DataTar {
	startTime: Date | undefined;
	readonly #frames: FrameFiller;
	readonly #files: DataFiles;
	/** Of the file that was sent last: the manifest is given the same owner. */
	#owner = { mode: 0o600, uid: 0, gid: 0, modified: 0n };

	constructor(frames: FrameFiller, files: DataFiles) {
		this.#frames = frames;
		this.#files = files;
	}

	/** @param folder where its members belong, with a slash at the end; empty for the data directory itself */
	async archive(content: AsyncIterable<Uint8Array>, folder: string): Promise<void> {
		const cursor = new ByteCursor(content);
		try {
			let isFirst = folder !== '';
			const visit = async (member: TarMember, bytes: ByteCursor) => {
				// The tar of a tablespace begins with what is in its folder.
				if (isFirst) await this.#header({ name: Buffer.from(folder), type: 'directory', size: 0, ...ownerOf(member) });
				isFirst = false;
				await this.#member(member, bytes, folder);
			};
			await walkTar(cursor, visit, { dialect: 'any' });
		} catch (error) {
			if (!(error instanceof TarDamage) && !(error instanceof EndedEarly)) throw error;
			throw new BackupError('SOURCE_FAILED', `The server sent a base backup that is no tar: it ${messageOf(error)}.`, {
				hint: 'Run it again; where it happens again, look at what stands between n8n and the server (proxy, pooler).',
			});
		}
	}

	async #member(member: TarMember, cursor: ByteCursor, folder: string): Promise<void> {
		const { type, attributes, target } = member;
		const path =
			folder === '' ? withoutDot(member.path) : Buffer.concat([Buffer.from(folder), withoutDot(member.path)]);
		if (path.length === 0) return;
		if (type !== 'file' && type !== 'directory' && type !== 'symlink')
			throw new TarDamage(member.headerOffset, `holds ${member.name}, which is neither a file nor a folder`);
		if (type === 'file') this.#owner = attributes;
		if (folder === '' && path.toString('latin1') === 'backup_label') this.startTime = dateOf(attributes.modified);
		const size = type === 'file' ? member.end - cursor.position : 0;
		await this.#header({ name: path, type, size, target, ...attributes });
		if (type !== 'file') return;
		for await (const piece of this.#files.file(path, member, cursor)) await this.#frames.push(piece);
		await this.#frames.push(tarPadding(size));
	}

	async manifest(spool: Spool): Promise<void> {
		const { size } = spool;
		await this.#header({ ...this.#owner, name: Buffer.from(BACKUP_MANIFEST), type: 'file', size });
		await this.#frames.begin('backup-manifest');
		for (const piece of spool.bytes()) await this.#frames.push(piece);
		await this.#frames.begin('base');
		await this.#frames.push(tarPadding(size));
	}

	async #header(facts: MemberFacts): Promise<void> {
		await this.#frames.push(memberHeader({ ...facts, user: OWNER, group: OWNER }));
	}
}

/** A folder of the same owner. */
function ownerOf({ attributes: { uid, gid, modified } }: TarMember) {
	return { uid, gid, modified, mode: 0o700 };
}

function dateOf(nanoseconds: bigint): Date {
	return new Date(Number(nanoseconds / 1_000_000n));
}

/** Servers before 15 write `./base` for what newer ones call `base`. */
function withoutDot(path: Buffer): Buffer {
	const isDotted = path[0] === 0x2e && (path.length === 1 || path[1] === 0x2f);
	return isDotted ? path.subarray(2) : path;
}
