/**
 * Reads the archive of a base backup: its tar, and beside it the `backup_manifest` at its end, which is read by ranges. Both have the
 * files in the order in which the server sent them, so one is held against the other as they stream by, and nothing that grows with the
 * number of files is in memory. A file counts as read when its size and its hash were those of the manifest.
 */
import type { ArchiveReader } from '../../../archive';
import { ByteCursor, EndedEarly } from '../../../archive/cursor';
import { BackupError } from '../../../errors';
import { TarDamage, walkTar, type TarMember } from '../../../tar';
import { nameOf, shownName } from '../../../tree';
import { fileDigest, readBackupManifest, type BackupManifestFacts, type ManifestFile } from '../backupManifest';

/** The part of an archive that holds PostgreSQL's own list of its files, and what that is called in the tar. */
export const MANIFEST_PART = 'backup-manifest';
export const MANIFEST_MEMBER = 'backup_manifest';

/** As long as a path may be on Linux. */
const LONGEST_NAME = 4096;

/** What takes the members of a base backup in the order of the tar. */
export interface BaseVisitor {
	directory(name: string): Promise<void>;
	/** Reads the content to its end, and does nothing final with it before: it ends with an error where it is not what the manifest says. */
	file(name: string, size: number, content: AsyncIterable<Uint8Array>): Promise<void>;
}

/**
 * Goes through all files and folders of a base backup.
 * @param onBytes Called with the bytes of the tar that were read since it was called last.
 * @returns what the manifest says beside its files
 * @throws BackupError ARCHIVE_CORRUPT, what the reader and the visitor throw
 */
export async function readBase(
	reader: ArchiveReader,
	visitor: BaseVisitor,
	{ signal, onBytes }: { signal?: AbortSignal | undefined; onBytes?: ((bytes: number) => void) | undefined } = {},
): Promise<BackupManifestFacts> {
	const files = hasManifest(reader) ? manifestFiles(reader, signal) : undefined;
	const cursor = new ByteCursor(rawBytes(reader, () => true, { signal, onBytes }));
	cursor.releasesSlices = true;
	try {
		await walkTar(cursor, async (member) => await visit(member, cursor, files, visitor), { dialect: 'any' });
		const last = await files?.next();
		if (last && !last.done) throw damaged(reader, `it lacks ${shownName(last.value.path)}`);
		return last?.value ?? NO_FACTS;
	} catch (error) {
		if (error instanceof TarDamage || error instanceof EndedEarly) throw damaged(reader, `its tar ${error.message}`);
		throw error instanceof Mismatch ? damaged(reader, error.message) : error;
	} finally {
		await cursor.close();
		await files?.return(NO_FACTS);
	}
}

/**
 * Whether a base backup has PostgreSQL's own list of its files; version 12 makes none. Its archive has hashes of its own.
 * @throws BackupError ARCHIVE_CORRUPT where one is missing
 */
export function hasManifest(reader: ArchiveReader): boolean {
	const { parts, source } = reader.manifest;
	if (parts.some(({ type }) => type === MANIFEST_PART)) return true;
	if (source.version.startsWith('12.')) return false;
	throw damaged(reader, `it has no ${MANIFEST_MEMBER}`);
}

/** The files that the backup_manifest of an archive lists. @throws BackupError ARCHIVE_CORRUPT, what the reader throws */
export async function* manifestFiles(
	reader: ArchiveReader,
	signal?: AbortSignal,
): AsyncGenerator<ManifestFile, BackupManifestFacts, undefined> {
	return yield* readBackupManifest(manifestBytes(reader, signal));
}

/** The `backup_manifest` as PostgreSQL sent it: parts of their own hold its content. @throws BackupError ARCHIVE_CORRUPT, what the reader throws */
export async function* manifestBytes(reader: ArchiveReader, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
	yield* rawBytes(reader, ({ type }) => type === MANIFEST_PART, { signal });
}

const NO_FACTS: BackupManifestFacts = { systemIdentifier: undefined, ranges: [] };

async function visit(
	member: TarMember,
	cursor: ByteCursor,
	files: AsyncGenerator<ManifestFile, BackupManifestFacts, undefined> | undefined,
	visitor: BaseVisitor,
): Promise<void> {
	const name = plainName(member);
	if (member.type === 'directory') return await visitor.directory(name);
	if (member.type !== 'file' || member.runs || name === '') {
		throw new Mismatch(`it holds ${shownName(name)}, which is neither a file nor a folder`);
	}
	// What it says of itself is read by itself.
	if (name === MANIFEST_MEMBER) return;
	if (!files) return await visitor.file(name, member.size, cursor.pass(member.size));
	const listed = await files.next();
	if (listed.done || listed.value.path !== name) {
		throw new Mismatch(`${shownName(name)} is not in its place in its backup_manifest`);
	}
	if (listed.value.size !== member.size) throw new Mismatch(`${shownName(name)} has not the size that was sent`);
	await visitor.file(name, member.size, checked(cursor.pass(member.size), listed.value));
}

/** Ends with an error where the content is not what PostgreSQL has hashed. */
async function* checked(
	content: AsyncIterable<Uint8Array>,
	{ path, checksum }: ManifestFile,
): AsyncGenerator<Uint8Array> {
	const digest = checksum && fileDigest(checksum.algorithm);
	for await (const chunk of content) {
		digest?.update(chunk);
		yield chunk;
	}
	if (digest && digest.hex() !== checksum.hex) {
		throw new Mismatch(`the content of ${shownName(path)} is not what PostgreSQL sent`);
	}
}

/** The name without `./` before and a slash behind it, which some servers write. @throws Mismatch for one that leads elsewhere */
function plainName({ path }: TarMember): string {
	const name = nameOf(path.subarray(0, LONGEST_NAME)).replace(/^\.\//, '').replace(/\/$/, '');
	if (name === '' || name === '.') return '';
	const isPlain =
		path.length <= LONGEST_NAME &&
		name.split('/').every((part) => !['', '.', '..'].includes(part) && !/[\0\\]/.test(part));
	if (isPlain) return name;
	throw new Mismatch(`it holds the name ${shownName(name)}, which no data directory has`);
}

/** The content of some parts as one stream; chunks are lent. */
export async function* rawBytes(
	reader: ArchiveReader,
	filter: (part: { type: string }) => boolean,
	{ signal, onBytes }: { signal?: AbortSignal | undefined; onBytes?: ((bytes: number) => void) | undefined },
): AsyncGenerator<Uint8Array> {
	for await (const { raw } of reader.parts(filter, signal, { lends: true })) {
		for await (const chunk of raw instanceof Uint8Array ? [raw] : (raw as AsyncIterable<Uint8Array>)) {
			onBytes?.(chunk.length);
			yield chunk;
		}
	}
}

/** What does not fit; `readBase` tells of which archive. */
class Mismatch extends Error {}

function damaged({ key }: ArchiveReader, what: string): BackupError {
	return new BackupError('ARCHIVE_CORRUPT', `The base backup ${key} is damaged: ${what}.`, {
		hint: 'Choose a base backup that was made before; verify the others.',
	});
}
