/**
 * Manifests that a newer version of this package has made. This version cannot know what they mean, so it uses none of
 * them: it restores nothing from them, verifies nothing of them and deletes nothing of them. But they are not damaged
 * either, and whoever reads that a backup is damaged may delete it.
 */
import { BackupError } from '../../errors';
import { BACKUP_KINDS, CHECKPOINT_VERSION, MANIFEST_VERSION, MAX_NEEDS } from './manifest';
import { CODECS } from '../codec';
import { PACKAGE } from './tool';

/** What a name of a kind, a codec or a form of encryption looks like, whatever the version. */
const NAME = /^[a-z][a-z0-9]*([-_.][a-z0-9]+)*$/;
const MAX_NAME = 64;

const ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** The error for a manifest that only a newer version of this package understands. */
export class NewerManifest extends BackupError {
	/** The id of the backup; undefined where the manifest states none. */
	readonly id: string | undefined;
	/** The kind that the manifest states; undefined where that is no name. */
	readonly kind: string | undefined;
	/** Ids of the archives that the backup needs, as far as they can be read. */
	readonly needs: readonly string[];
	/** Whether it states needs in a form, or a number, that this version does not understand: it may need more than `needs`. */
	readonly mayNeedMore: boolean;

	/** @param reason What this version does not know: `is of the kind mysql` */
	constructor(where: string, reason: string, { id, kind, needs }: Record<string, unknown>) {
		super('MANIFEST_NEWER', `The manifest ${where} was made by a newer version of ${PACKAGE}: it ${reason}.`, {
			hint: `Update the ${PACKAGE} package. Until then this backup is neither restored nor verified nor deleted.`,
		});
		[this.id] = idsIn([id]);
		this.kind = isName(kind) ? kind : undefined;
		this.needs = idsIn(needs);
		this.mayNeedMore = needs !== undefined && !(Array.isArray(needs) && needs.length === this.needs.length);
	}
}

/** The error for a manifest of a newer version; undefined for any other. @param json of which the checksum was right */
export function newerManifest(json: unknown, where: string): NewerManifest | undefined {
	if (typeof json !== 'object' || json === null) return undefined;
	const stated = json as Record<string, unknown>;
	const { formatVersion, kind, codec, encryption } = stated;
	const error = (reason: string) => new NewerManifest(where, reason, stated);
	const isCheckpoint = formatVersion === CHECKPOINT_VERSION;
	if (Number.isInteger(formatVersion) && (formatVersion as number) > MANIFEST_VERSION && !isCheckpoint) {
		return error(`has the format version ${formatVersion as number}, and this one reads up to ${MANIFEST_VERSION}`);
	}
	// What has an older format was made before there was anything that this version does not know.
	if (formatVersion !== MANIFEST_VERSION && !isCheckpoint) return undefined;
	if (isUnknown(kind, BACKUP_KINDS)) return error(`is of the kind ${kind}`);
	const codecName = (codec as { name?: unknown } | null | undefined)?.name;
	if (isUnknown(codecName, CODECS)) return error(`is compressed by ${codecName}`);
	const encryptionFormat = (encryption as { format?: unknown } | null | undefined)?.format;
	if (isUnknown(encryptionFormat, ['openpgp'])) return error(`is encrypted as ${encryptionFormat}`);
	return undefined;
}

/** Whether a manifest that cannot be read may be of one of some kinds; most of them do not say of which kind they are. */
export function mayBeOfKind(error: BackupError, kinds: readonly string[] | undefined): boolean {
	return !kinds || !(error instanceof NewerManifest) || error.kind === undefined || kinds.includes(error.kind);
}

function isName(value: unknown): value is string {
	return typeof value === 'string' && value.length <= MAX_NAME && NAME.test(value);
}

function isUnknown(value: unknown, known: readonly string[]): value is string {
	return isName(value) && !known.includes(value);
}

/** For the sake of what a newer backup needs, nothing is deleted: a list that is too long counts as far as it may go. */
function idsIn(needs: unknown): readonly string[] {
	if (!Array.isArray(needs)) return [];
	return needs.filter((id): id is string => typeof id === 'string' && ID.test(id)).slice(0, MAX_NEEDS);
}
