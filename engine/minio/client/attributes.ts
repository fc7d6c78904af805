/** What belongs to an object besides its content, as S3 has it in headers, and as archives keep it. */
import type { IncomingHttpHeaders } from 'node:http';

import { headerText } from '../../storage/s3/transport';

export interface ObjectAttributes {
	contentType?: string;
	cacheControl?: string;
	contentDisposition?: string;
	contentEncoding?: string;
	contentLanguage?: string;
	expires?: string;
	websiteRedirect?: string;
	/** Missing for the usual one. */
	storageClass?: string;
	/** The user's own, by names without `x-amz-meta-`. */
	metadata?: Readonly<Record<string, string>>;
	tags?: Readonly<Record<string, string>>;
}

const HEADERS = {
	contentType: 'content-type',
	cacheControl: 'cache-control',
	contentDisposition: 'content-disposition',
	contentEncoding: 'content-encoding',
	contentLanguage: 'content-language',
	expires: 'expires',
	websiteRedirect: 'x-amz-website-redirect-location',
	storageClass: 'x-amz-storage-class',
} as const;

const META = 'x-amz-meta-';
const USUAL_CLASS = 'STANDARD';

/** The attributes that an answer to HEAD or GET tells; tags are not among them. */
export function attributesIn(headers: IncomingHttpHeaders): ObjectAttributes {
	const attributes: Record<string, string> = {};
	for (const [key, name] of Object.entries(HEADERS)) {
		const value = headers[name];
		if (typeof value === 'string' && value !== '') attributes[key] = headerText(value);
	}
	// How the bytes of an upload came, which some servers keep by mistake.
	const encoding = (attributes['contentEncoding'] ?? '')
		.split(',')
		.map((part) => part.trim())
		.filter((part) => part !== '' && part !== 'aws-chunked');
	if (encoding.length > 0) attributes['contentEncoding'] = encoding.join(',');
	else delete attributes['contentEncoding'];
	if (attributes['storageClass'] === USUAL_CLASS) delete attributes['storageClass'];
	const metadata = Object.entries(headers)
		.filter((pair): pair is [string, string] => pair[0].startsWith(META) && typeof pair[1] === 'string')
		.map(([name, value]) => [name.slice(META.length), decodedWords(headerText(value))] as const);
	return metadata.length > 0 ? { ...attributes, metadata: Object.fromEntries(metadata) } : attributes;
}

/** The headers that give an object its attributes, without its tags. */
export function headersOf(attributes: ObjectAttributes): Record<string, string> {
	const headers: Record<string, string> = {};
	for (const [key, name] of Object.entries(HEADERS)) {
		const value = attributes[key as keyof typeof HEADERS];
		if (value !== undefined) headers[name] = signable(value);
	}
	for (const [name, value] of Object.entries(attributes.metadata ?? {})) headers[META + name] = encodedWord(value);
	return headers;
}

/** Attributes as an archive has them, which may be hostile: only what is text is taken. */
export function attributesFrom(stored: Readonly<Record<string, unknown>> = {}): ObjectAttributes {
	const attributes: Record<string, unknown> = {};
	for (const key of Object.keys(HEADERS)) {
		const value = stored[key];
		if (isHeaderText(value)) attributes[key] = value;
	}
	for (const key of ['metadata', 'tags']) {
		const texts = textsIn(stored[key], key === 'metadata');
		if (texts) attributes[key] = texts;
	}
	return attributes;
}

function textsIn(value: unknown, areHeaders: boolean): Record<string, string> | undefined {
	if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
	const texts = Object.entries(value).filter((pair): pair is [string, string] => {
		if (!areHeaders) return typeof pair[1] === 'string';
		return isHeaderText(pair[1]) && /^[!#$%&'*+.^_`|~0-9a-z-]+$/i.test(pair[0]);
	});
	return texts.length > 0 ? Object.fromEntries(texts) : undefined;
}

/** No line breaks, with which further headers could be smuggled in. */
function isHeaderText(value: unknown): value is string {
	// eslint-disable-next-line no-control-regex -- these are what must not be in a header
	return typeof value === 'string' && !/[\u0000-\u0008\u000a-\u001f\u007f]/.test(value);
}

const WORD = /=\?utf-8\?([bq])\?([^?\s]*)\?=/gi;
const WORDS = /^=\?utf-8\?[bq]\?[^?\s]*\?=(\s*=\?utf-8\?[bq]\?[^?\s]*\?=)*$/i;

/**
 * Metadata that is no ASCII comes back as encoded words (RFC 2047) from AWS, MinIO and Swift, which make them of whatever was sent, or
 * of something else where it was no encoded word (Swift). So they are what is sent, and here is the text.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html
 */
function decodedWords(value: string): string {
	if (!WORDS.test(value)) return value;
	const bytes = Array.from(value.matchAll(WORD), ([, encoding = '', text = '']) => {
		if (encoding.toLowerCase() === 'b') return Buffer.from(text, 'base64');
		const unquoted = text.replaceAll('_', ' ').replace(/=([0-9a-f]{2})/gi, (_whole, hex: string) => {
			return String.fromCharCode(parseInt(hex, 16));
		});
		return Buffer.from(unquoted, 'latin1');
	});
	const decoded = Buffer.concat(bytes).toString('utf8');
	return isAscii(decoded) ? value : decoded;
}

function encodedWord(value: string): string {
	return isAscii(value) ? signable(value) : `=?UTF-8?B?${Buffer.from(value).toString('base64')}?=`;
}

/** Spaces at the ends get lost on the way, and of tabs each server has its own idea of what was signed. */
function signable(value: string): string {
	return value.replaceAll('\t', ' ').replace(/^ +| +$/g, '');
}

function isAscii(text: string): boolean {
	return /^[\x20-\x7e\t]*$/.test(text);
}
