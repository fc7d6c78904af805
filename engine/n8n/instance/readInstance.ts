/** Reads archives of instances. What they say is input: an archive may be forged. */
import type { ArchiveReader, Manifest } from '../../archive';
import { ByteCursor, EndedEarly } from '../../archive/cursor';
import { BackupError } from '../../errors';
import { TarDamage, walkTar, type TarMember } from '../../tar';
import {
	INSTANCE_FORMAT,
	instanceSchema,
	MEMBER_BYTES,
	MEMBERS,
	packagesFile,
	type InstanceDocument,
	type MemberType,
} from './content';
import { fits } from './fingerprint';
import { parseConfig, type InstanceConfig } from './settings';

/** What an archive holds, apart from the database. */
export interface InstanceContent {
	document: InstanceDocument;
	config: InstanceConfig;
	/** The text of the member of the same name. */
	packages: string;
}

/** What to do with the database, as it comes. */
export type DatabaseTaker = (bytes: AsyncIterable<Uint8Array>, size: number) => Promise<void>;

/**
 * Reads the small members, by ranges.
 * @throws BackupError ARCHIVE_CORRUPT (also where the encryption key is not the one of the manifest), UNSUPPORTED_VERSION, and what the reader
 * throws
 */
export async function readInstance(reader: ArchiveReader, signal?: AbortSignal): Promise<InstanceContent> {
	const isSmall = ({ type }: Manifest['parts'][number]) =>
		type === 'instance' || type === 'config' || type === 'packages';
	const members = await walkParts(reader, isSmall, {}, signal);
	return await contentIn(members, reader.manifest);
}

/** Reads the database of an archive that has one. @throws BackupError ARCHIVE_CORRUPT, what the reader and `take` throw */
export async function readDatabase(reader: ArchiveReader, take: DatabaseTaker, signal?: AbortSignal): Promise<void> {
	let taken = false;
	const taking: DatabaseTaker = async (bytes, size) => {
		taken = true;
		await take(bytes, size);
	};
	await walkParts(reader, ({ type }) => type === 'database', { take: taking }, signal);
	if (!taken) throw damaged(`it holds no ${MEMBERS.database}`);
}

/** Walks the members in some parts of an archive, and lets go of the archive however that ends. */
async function walkParts(
	reader: ArchiveReader,
	wanted: (part: Manifest['parts'][number]) => boolean,
	options: Pick<WalkMembersOptions, 'take'>,
	signal: AbortSignal | undefined,
): Promise<Map<MemberType, Buffer>> {
	const end = reader.manifest.parts.filter(wanted).reduce((sum, { rawLength }) => sum + rawLength, 0);
	const cursor = new ByteCursor(bytesOf(reader.parts(wanted, signal)));
	try {
		return await walkMembers(cursor, { ...options, end });
	} finally {
		await cursor.close();
	}
}

async function* bytesOf(parts: ReturnType<ArchiveReader['parts']>): AsyncGenerator<Uint8Array> {
	for await (const { raw } of parts) {
		if (raw instanceof Uint8Array) yield raw;
		else yield* raw as AsyncIterable<Uint8Array>;
	}
}

export interface WalkMembersOptions {
	/** Bytes of a piece of the tar; by default all of it, with its end. */
	end?: number;
	/** Without it, the database is passed over. */
	take?: DatabaseTaker;
}

/**
 * The small members of a tar, by what they are. Nothing else may stand in it, and nothing twice.
 * @throws BackupError ARCHIVE_CORRUPT, UNSUPPORTED_VERSION (a later version wrote it), what the source and `take` throw
 */
export async function walkMembers(
	cursor: ByteCursor,
	{ end, take }: WalkMembersOptions,
): Promise<Map<MemberType, Buffer>> {
	const found = new Map<MemberType, Buffer>();
	const visit = async (member: TarMember) => {
		const type = memberType(member);
		if (found.has(type)) throw damaged(`${member.name} is in it twice`);
		if (type === 'database') {
			found.set(type, Buffer.alloc(0));
			await take?.(cursor.pass(member.size), member.size);
			return;
		}
		if (member.size > MEMBER_BYTES) throw damaged(`${member.name} has ${member.size} bytes`);
		const content = Buffer.from(await cursor.take(member.size));
		// It comes first: what else a later version puts into an archive is no damage.
		if (type === 'instance') assertNotNewer(content);
		found.set(type, content);
	};
	try {
		await walkTar(cursor, visit, end === undefined ? {} : { end, endMarkOptional: true });
	} catch (error) {
		if (error instanceof TarDamage || error instanceof EndedEarly) throw damaged(error.message);
		throw error;
	}
	return found;
}

/** @throws BackupError UNSUPPORTED_VERSION */
function assertNotNewer(instance: Buffer): void {
	const { formatVersion } = (jsonOf(instance.toString('utf8')) ?? {}) as { formatVersion?: unknown };
	if (typeof formatVersion !== 'number' || formatVersion <= INSTANCE_FORMAT) return;
	throw new BackupError(
		'UNSUPPORTED_VERSION',
		'A later version of n8n-nodes-stack-backup made this backup of the instance.',
		{
			hint: 'Update the nodes, and try again. Without them, gpg and tar unpack it: see Restore without n8n.',
		},
	);
}

function memberType({ name, type, runs }: TarMember): MemberType {
	const known = (Object.keys(MEMBERS) as MemberType[]).find((one) => MEMBERS[one] === name);
	if (known && type === 'file' && !runs) return known;
	throw damaged(`it holds ${JSON.stringify(name.slice(0, 100))}, which no backup of an instance does`);
}

/**
 * What the small members say, with the manifest beside them.
 * @throws BackupError ARCHIVE_CORRUPT
 */
export async function contentIn(
	members: ReadonlyMap<MemberType, Buffer>,
	manifest: Pick<Manifest, 'source' | 'needs'>,
): Promise<InstanceContent> {
	const text = (type: MemberType) => {
		const bytes = members.get(type);
		if (!bytes) throw damaged(`it holds no ${MEMBERS[type]}`);
		return bytes.toString('utf8');
	};
	const parsed = instanceSchema.safeParse(jsonOf(text('instance')));
	if (!parsed.success) {
		const [issue] = parsed.error.issues;
		throw damaged(`${MEMBERS.instance} is not valid: ${issue?.path.join('.')}: ${issue?.message}`);
	}
	const document = parsed.data;
	assertSame(document, manifest);
	let config: InstanceConfig;
	try {
		config = parseConfig(text('config'), MEMBERS.config);
	} catch {
		throw damaged(`${MEMBERS.config} is not what n8n writes`);
	}
	if (!(await fits(config.encryptionKey, document.source.key))) {
		throw damaged('the encryption key in it is not the one that its manifest was made for');
	}
	const packages = packagesFile(document.source.packages);
	// npm runs what such a file names as scripts.
	if (text('packages') !== packages) throw damaged(`${MEMBERS.packages} does not name the packages of the instance`);
	return { document, config, packages };
}

/** The manifest is what the backup was found by, and what a prune keeps the other archives for. */
function assertSame({ source }: InstanceDocument, manifest: Pick<Manifest, 'source' | 'needs'>): void {
	const { database, binaryData, key } = source;
	const needs = [database.type === 'postgresdb' ? database.backup : null, binaryData.backup].filter(
		(id) => id !== null,
	);
	const stated = manifest.source as { key?: { salt?: unknown; check?: unknown } };
	const isSame =
		stated.key?.salt === key.salt &&
		stated.key?.check === key.check &&
		needs.every((id) => manifest.needs?.includes(id));
	if (!isSame) throw damaged('it is not the archive that its manifest describes');
}

function jsonOf(text: string): unknown {
	try {
		return JSON.parse(text);
	} catch {
		return undefined;
	}
}

export function damaged(why: string): BackupError {
	return new BackupError('ARCHIVE_CORRUPT', `The backup of the instance is damaged: ${why}.`, {
		hint: 'Choose another backup, or a copy of this one in another storage.',
	});
}
