/**
 * What servers do not take of what belongs to an object besides its content: storage classes are each server's own, Swift has no
 * redirects, metadata may be longer than a server's limit. The object is stored without that rather than not at all, and it is told.
 */
import { isNotImplemented, S3Failure } from '../../storage/s3/failure';
import type { ObjectAttributes } from './attributes';

type Optional = Exclude<keyof ObjectAttributes, 'tags'>;

/** What can be left out, as messages call it; what is refused more often comes first. */
const OPTIONAL: Readonly<Record<Optional, string>> = {
	storageClass: 'the storage class',
	websiteRedirect: 'website redirects (x-amz-website-redirect-location)',
	metadata: 'the user metadata',
	expires: 'the header Expires',
	contentLanguage: 'the header Content-Language',
	contentDisposition: 'the header Content-Disposition',
	cacheControl: 'the header Cache-Control',
	contentEncoding: 'the header Content-Encoding',
	contentType: 'the content type',
};
const NAMES = Object.keys(OPTIONAL) as Optional[];
/** What a refusal of a header is called, besides 501 and 405. */
const CODES = new Set([
	...['InvalidStorageClass', 'InvalidArgument', 'InvalidRedirectLocation', 'MetadataTooLarge'],
	...['UnsupportedHeader', 'UnsupportedMetadata', 'RequestHeaderSectionTooLarge'],
]);
/** Bytes of user metadata that every server takes. */
const SAFE_METADATA = 2048;

export type How = 'at once' | 'in parts';

/** What a server was found to take and not to take, so that it is not tried again. */
export interface KnownRefusals {
	refused: Set<string>;
	/** A server may take in one request what it does not take of an upload in parts. */
	how: How;
	onLeftOut?: ((message: string) => void) | undefined;
}

/** The attributes without what the server was found not to take. */
export function takenOf(refused: ReadonlySet<string>, attributes: ObjectAttributes): ObjectAttributes {
	return without(
		attributes,
		NAMES.filter((name) => attributes[name] !== undefined && refused.has(keyOf(name, attributes))),
	);
}

/** Whether something is among the attributes of which it is not known whether the server takes it, and some do not. */
export function isToBeTried(refused: ReadonlySet<string>, attributes: ObjectAttributes, how: How): boolean {
	const { storageClass, websiteRedirect } = takenOf(refused, attributes);
	if (hasMuchMetadata(attributes)) return true;
	const isUnknown = (name: Optional) => !refused.has(takes(keyOf(name, attributes), how));
	return (
		(storageClass !== undefined && isUnknown('storageClass')) ||
		(websiteRedirect !== undefined && isUnknown('websiteRedirect'))
	);
}

/**
 * Stores something with all attributes that the server takes.
 * @param store may be called several times: what is refused has stored nothing
 * @throws what `store` throws where it does not help to leave something out
 */
export async function storeWithTaken<T>(
	attributes: ObjectAttributes,
	known: KnownRefusals,
	store: (attributes: ObjectAttributes) => Promise<T>,
): Promise<T> {
	const { refused, how } = known;
	const wanted = takenOf(refused, attributes);
	try {
		const stored = await store(wanted);
		for (const name of present(wanted)) refused.add(takes(keyOf(name, wanted), how));
		return stored;
	} catch (error) {
		if (!isRefusal(error, wanted)) throw error;
		for (const names of attempts(wanted)) {
			try {
				const stored = await store(without(wanted, names));
				for (const name of names) note(name, wanted, error, known);
				return stored;
			} catch (again) {
				if (!isRefusal(again, wanted)) throw again;
			}
		}
		throw error;
	}
}

/** What to leave out: each alone first, then more and more of them. */
function attempts(attributes: ObjectAttributes): Optional[][] {
	const names = present(attributes);
	return [...names.map((name) => [name]), ...names.slice(1).map((_, index) => names.slice(0, index + 2))];
}

function present(attributes: ObjectAttributes): Optional[] {
	return NAMES.filter((name) => attributes[name] !== undefined);
}

function without(attributes: ObjectAttributes, names: readonly Optional[]): ObjectAttributes {
	if (names.length === 0) return attributes;
	return Object.fromEntries(Object.entries(attributes).filter(([name]) => !names.includes(name as Optional)));
}

/** Metadata of one object says nothing of that of others. */
function note(
	name: Optional,
	attributes: ObjectAttributes,
	failure: S3Failure,
	{ refused, onLeftOut }: KnownRefusals,
): void {
	if (name === 'storageClass' || isNotImplemented(failure)) refused.add(keyOf(name, attributes));
	const told = `told ${keyOf(name, attributes)}`;
	if (refused.has(told)) return;
	refused.add(told);
	onLeftOut?.(
		name === 'storageClass'
			? `The server does not know the storage class ${attributes.storageClass}: objects of it were stored in the usual one.`
			: `The server does not take ${OPTIONAL[name]} of some objects, which were stored without: ${failure.message}`,
	);
}

function keyOf(name: Optional, { storageClass }: ObjectAttributes): string {
	return name === 'storageClass' ? `storage class ${storageClass}` : name;
}

function takes(what: string, how: How): string {
	return `takes ${what} ${how}`;
}

function hasMuchMetadata({ metadata = {} }: ObjectAttributes): boolean {
	return Buffer.byteLength(Object.entries(metadata).flat().join('')) > SAFE_METADATA;
}

/** Too long a header is refused before S3 is asked, by whatever stands there. */
function isRefusal(error: unknown, attributes: ObjectAttributes): error is S3Failure {
	if (!(error instanceof S3Failure)) return false;
	const isTooLong = error.status === 431 || (error.status === 400 && !error.isOfS3);
	return isNotImplemented(error) || CODES.has(error.code ?? '') || (isTooLong && hasMuchMetadata(attributes));
}
