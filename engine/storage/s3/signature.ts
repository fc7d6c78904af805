/**
 * Signature Version 4, by which S3 knows who asks and that nobody changed the request on its way
 * (https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html). That of a header is made here, with a key that is
 * derived once a day: the minio client's functions derive it for each request, which is most of their work and of what they leave for
 * the garbage collector. They sign addresses. The client itself sends no requests here: it takes no signal and no
 * time-outs for a request, and drops the body of a 503.
 */
import { createHmac, hash } from 'node:crypto';

import { presignSignatureV4 } from 'minio/dist/main/signing.js';

import type { S3Settings } from './options';

type Keys = Pick<S3Settings, 'accessKeyId' | 'secretAccessKey' | 'sessionToken' | 'region'>;

/** What is signed of a request. */
export interface Signable {
	method: string;
	/** From the slash on, with the query, escaped as it is sent. */
	path: string;
	/** With lower-case names, and with `host`. */
	headers: Readonly<Record<string, string>>;
}

/** In the place of the hash of a body that is no part of the signature. */
export const UNSIGNED = 'UNSIGNED-PAYLOAD';

/**
 * The headers of a request, and those that sign it.
 * @param payload the SHA-256 of the body in hexadecimal digits, or UNSIGNED
 */
export function signed(request: Signable, payload: string, keys: Keys, now = new Date()): Record<string, string> {
	const { accessKeyId, sessionToken, region } = keys;
	// `20260131T020000Z`
	const time = now.toISOString().replace(/[-:]|\.\d+/g, '');
	const headers: Record<string, string> = {
		...request.headers,
		'x-amz-date': time,
		'x-amz-content-sha256': payload,
		...(sessionToken !== undefined && { 'x-amz-security-token': sessionToken }),
	};
	// Servers read values without spaces at their ends.
	for (const [name, value] of Object.entries(headers)) headers[name] = value.trim();
	const names = Object.keys(headers)
		.filter((name) => !NOT_SIGNED.has(name))
		.sort();
	const day = time.slice(0, 8);
	const scope = `${day}/${region}/${SERVICE}/aws4_request`;
	const text = `${ALGORITHM}\n${time}\n${scope}\n${hash('sha256', canonical(request, headers, names, payload), 'hex')}`;
	const signature = createHmac('sha256', signingKey(keys, day)).update(text).digest('hex');
	headers['authorization'] =
		`${ALGORITHM} Credential=${accessKeyId}/${scope}, SignedHeaders=${names.join(';')}, Signature=${signature}`;
	return headers;
}

const ALGORITHM = 'AWS4-HMAC-SHA256';
const SERVICE = 's3';
/** What proxies change on their way, or the signature covers by other means: the hash of a body tells of its length. */
const NOT_SIGNED = new Set(['authorization', 'content-length', 'content-type', 'user-agent']);

/** A request in the form in which all agree on it. */
function canonical(
	{ method, path }: Signable,
	headers: Readonly<Record<string, string>>,
	names: readonly string[],
	payload: string,
): string {
	const [resource = '', query = ''] = path.split('?');
	const parts = query === '' ? [] : query.split('&').sort();
	const sorted = parts.map((part) => (part.includes('=') ? part : `${part}=`)).join('&');
	const lines = names.map((name) => `${name}:${headers[name]?.replace(/ +/g, ' ')}\n`).join('');
	return [method, resource, sorted, lines, names.join(';'), payload].join('\n');
}

/** The last key that was derived for some keys: it is good for a day and a region. */
const derived = new WeakMap<Keys, { of: string; key: Buffer }>();

function signingKey(keys: Keys, day: string): Buffer {
	const { secretAccessKey, region } = keys;
	const of = `${secretAccessKey}/${region}/${day}`;
	const known = derived.get(keys);
	if (known?.of === of) return known.key;
	const derive = (key: string | Buffer, text: string) => createHmac('sha256', key).update(text).digest();
	const key = [day, region, SERVICE, 'aws4_request'].reduce<string | Buffer>(derive, `AWS4${secretAccessKey}`);
	derived.set(keys, { of, key: key as Buffer });
	return key as Buffer;
}

/**
 * The whole address of a request that anybody can send for so many seconds.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
 * @param protocol `https:`
 */
export function presigned(request: Signable, protocol: string, seconds: number, keys: Keys, now = new Date()): string {
	const { accessKeyId, secretAccessKey, sessionToken, region } = keys;
	const signable = { ...request, protocol };
	return presignSignatureV4(signable, accessKeyId, secretAccessKey, sessionToken, region, now, seconds);
}

/** A query as it is sent. */
export function queryText(query: Readonly<Record<string, string>>): string {
	return Object.entries(query)
		.map(([name, value]) => (value === '' ? name : `${name}=${escaped(value)}`))
		.join('&');
}

/** Percent-encoding as the signature wants it (RFC 3986), which is stricter than JavaScript's. */
export function escaped(value: string): string {
	return encodeURIComponent(value).replace(/[!'()*]/g, (character) => {
		return `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
	});
}
