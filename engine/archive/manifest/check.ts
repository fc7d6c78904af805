/**
 * A quick look at a manifest, by plain code. A storage may hold a hundred thousand manifests, and an index of parts may
 * have as many lines; the schema would take most of the time that reading them takes, and of the memory. The quick look
 * errs on one side only: it finds valid nothing that the schema would refuse or change, and what it does not find valid
 * goes to the schema, which decides, and says what is wrong. test/unit/archive/manifest-check.test.ts holds the two
 * against each other.
 */
import { CODECS } from '../codec';
import { CHECKPOINT_VERSION, MAX_NEEDS, PIECE_BYTES } from './manifest';

type Check = (value: unknown) => boolean;

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const SHA256 = /^[0-9a-f]{64}$/;
const SALT = /^[0-9a-f]{32}$/;
const KEY_CHECK = /^[0-9a-f]{16}$/;
/** Without leap days. */
const TIME =
	/^\d{4}-((0[13578]|1[02])-(0[1-9]|[12]\d|3[01])|(0[469]|11)-(0[1-9]|[12]\d|30)|02-(0[1-9]|1\d|2[0-8]))T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d+)?Z$/;

const isText: Check = (value) => typeof value === 'string';
const isFilled: Check = (value) => typeof value === 'string' && value !== '';
const isYesOrNo: Check = (value) => typeof value === 'boolean';
const isNumber: Check = (value) => typeof value === 'number';
const isCount: Check = (value) => Number.isInteger(value) && (value as number) >= 0;
const isPieceLength: Check = (value) =>
	isCount(value) &&
	(value as number) >= PIECE_BYTES.min &&
	(value as number) <= PIECE_BYTES.max &&
	Number.isInteger(Math.log2(value as number));
const isAnything: Check = () => true;
const matching = (pattern: RegExp): Check => {
	return (value) => typeof value === 'string' && pattern.test(value);
};
const oneOf = (...values: unknown[]): Check => {
	const known = new Set(values);
	return (value) => known.has(value);
};
const listOf = (check: Check): Check => {
	return (value) => Array.isArray(value) && value.every(check);
};

/** An object that has all that it must have, and nothing that is not known (`more` checks that, where it is allowed). */
function objectOf(required: Record<string, Check>, optional: Record<string, Check> = {}, more?: Check): Check {
	const members = new Map([...Object.entries(required), ...Object.entries(optional)]);
	const names = Object.keys(required);
	return (value) => {
		if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
		const object = value as Record<string, unknown>;
		for (const name of Object.keys(object)) {
			const check = members.get(name) ?? more;
			if (name === '__proto__' || !check?.(object[name])) return false;
		}
		return names.every((name) => Object.hasOwn(object, name));
	};
}

const isSource = objectOf({ system: isText, version: isText }, {}, isAnything);
const isTool = objectOf({ name: isText, version: isText }, {}, isAnything);

/** @param version The one that backups are written with; version 1 and that of checkpoints are read as well. @param kinds The kinds of backups that there are */
export function manifestCheck(version: number, kinds: readonly string[], checksum: string): (json: unknown) => boolean {
	const part = objectOf(
		{ type: isText, offset: isCount, length: isCount, rawLength: isCount, sha256: matching(SHA256) },
		{ table: isCount, tables: listOf(isCount), rows: isCount },
	);
	const table = objectOf(
		{ schema: isText, name: isText, rows: isCount, bytes: isCount },
		{ sequences: listOf(objectOf({ schema: isText, name: isText })) },
	);
	const encryption = objectOf(
		{ format: oneOf('openpgp'), cipher: isText, passphrase: isYesOrNo, recipients: listOf(isText) },
		{ pieces: objectOf({ outer: isPieceLength, inner: isPieceLength }) },
	);
	const manifest = objectOf(
		{
			formatVersion: oneOf(1, version, CHECKPOINT_VERSION),
			id: matching(UUID),
			kind: oneOf(...kinds),
			name: isFilled,
			file: matching(/^[^/\\]+$/),
			startedAt: matching(TIME),
			finishedAt: matching(TIME),
			source: isSource,
			tool: isTool,
			codec: objectOf({ name: oneOf(...CODECS) }, { level: (value) => Number.isInteger(value) }),
			encryption: (value) => value === null || encryption(value),
			size: objectOf({ raw: isCount, compressed: isCount, stored: isCount }),
			sha256: matching(SHA256),
			parts: listOf(part),
			counts: objectOf({}, {}, isNumber),
		},
		{
			[checksum]: isText,
			folder: isText,
			proof: objectOf({ salt: matching(SALT), keyCheck: matching(KEY_CHECK), hmacSha256: matching(SHA256) }),
			tables: listOf(table),
			partial: objectOf({ content: oneOf('all', 'schema', 'data'), selection: listOf(isText) }),
			options: objectOf({}, {}, isAnything),
			warnings: listOf(isText),
			runId: isText,
			tags: listOf(isText),
			pinned: isYesOrNo,
			checkpoint: oneOf(true),
			needs: listOf(matching(UUID)),
			original: objectOf({ file: matching(/^[^/\\]+$/), sha256: matching(SHA256), stored: isCount }),
			originalManifest: isText,
		},
	);
	return (json) =>
		manifest(json) &&
		haveTheirTables(json as Tables) &&
		hasMembersOfItsVersion(json as Versioned) &&
		needsOthers(json as Needing);
}

interface Versioned {
	formatVersion: number;
	folder?: string;
	proof?: object;
	checkpoint?: boolean;
}

function hasMembersOfItsVersion({ formatVersion, folder, proof, checkpoint = false }: Versioned): boolean {
	if ((formatVersion === CHECKPOINT_VERSION) !== checkpoint) return false;
	return formatVersion === 1 ? folder === undefined && proof === undefined : folder !== undefined;
}

interface Needing {
	id: string;
	needs?: string[];
}

function needsOthers({ id, needs = [] }: Needing): boolean {
	return needs.length <= MAX_NEEDS && !needs.includes(id) && new Set(needs).size === needs.length;
}

interface Tables {
	parts: Array<{ table?: number; tables?: number[] }>;
	tables?: unknown[];
}

function haveTheirTables({ parts, tables = [] }: Tables): boolean {
	const isListed = (table: number) => table < tables.length;
	return parts.every((part) => isListed(part.table ?? -1) && (part.tables ?? []).every(isListed));
}
