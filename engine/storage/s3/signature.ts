/**
 * Signature Version 4, by which S3 knows who asks and that nobody changed the request on its way
 * (https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html). A mirror sends a request for each small object, and
 * to make the key of a signature anew each time would take a fifth of its CPU time; so it is kept for the day that it is good for.
 * Addresses that are signed are rare: the minio client makes them, and is loaded only then. Its client itself sends no
 * requests here: it takes no signal and no time-outs for a request, and drops the body of a 503.
 */
import { createHmac, createSecretKey, hash, type KeyObject } from 'node:crypto';

import type { S3Settings } from './options';

type Keys = Readonly<Pick<S3Settings, 'accessKeyId' | 'secretAccessKey' | 'sessionToken' | 'region'>>;

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

const ALGORITHM = 'AWS4-HMAC-SHA256';
/** Headers that are sent as they are: proxies change some of them, and the hash of the body says more than its length. */
const UNSIGNED_HEADERS = new Set(['authorization', 'content-length', 'content-type', 'user-agent']);

/**
 * The headers of a request, and those that sign it.
 * @param payload the SHA-256 of the body in hexadecimal digits, or UNSIGNED
 */
export function signed(request: Signable, payload: string, keys: Keys, now = new Date()): Record<string, string> {
	const { sessionToken } = keys;
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
	const day = time.slice(0, 8);
	const names = Object.keys(headers)
		.filter((name) => !UNSIGNED_HEADERS.has(name))
		.sort();
	const canonical = hash('sha256', canonicalRequest({ ...request, headers }, names, payload));
	const scope = `${day}/${keys.region}/s3/aws4_request`;
	const signature = createHmac('sha256', signingKey(keys, day))
		.update(`${ALGORITHM}\n${time}\n${scope}\n${canonical}`)
		.digest('hex');
	headers['authorization'] =
		`${ALGORITHM} Credential=${keys.accessKeyId}/${scope}, SignedHeaders=${names.join(';')}, Signature=${signature}`;
	return headers;
}

/** The lines that are hashed: the same request has the same ones, whoever writes them. */
function canonicalRequest({ method, path, headers }: Signable, names: readonly string[], payload: string): string {
	const [resource = '', query = ''] = path.split('?');
	const parameters = query
		.split('&')
		.filter((parameter) => parameter !== '')
		.sort()
		.map((parameter) => (parameter.includes('=') ? parameter : `${parameter}=`));
	const lines = names.map((name) => `${name}:${headers[name]!.replace(/ +/g, ' ')}\n`);
	return `${method}\n${resource}\n${parameters.join('&')}\n${lines.join('')}\n${names.join(';')}\n${payload}`;
}

/** The last one of each access; they go with it. */
const signingKeys = new WeakMap<Keys, { day: string; key: KeyObject }>();

/** @param day `20260131` */
function signingKey(keys: Keys, day: string): KeyObject {
	const known = signingKeys.get(keys);
	if (known?.day === day) return known.key;
	const derived = [day, keys.region, 's3', 'aws4_request'].reduce<string | Buffer>(
		(key, text) => createHmac('sha256', key).update(text).digest(),
		`AWS4${keys.secretAccessKey}`,
	);
	const key = createSecretKey(Buffer.from(derived));
	signingKeys.set(keys, { day, key });
	return key;
}

/**
 * The whole address of a request that anybody can send for so many seconds.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
 * @param protocol `https:`
 */
export async function presigned(
	request: Signable,
	protocol: string,
	seconds: number,
	keys: Keys,
	now = new Date(),
): Promise<string> {
	const { presignSignatureV4 } = await import('minio/dist/main/signing.js');
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
