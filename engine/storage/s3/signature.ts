/**
 * Signature Version 4, by which S3 knows who asks and that nobody changed the request on its way
 * (https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html). The minio client's functions make it. Its client
 * itself sends no requests here: it takes no signal and no time-outs for a request, and drops the body of a 503.
 */
import { presignSignatureV4, signV4 } from 'minio/dist/main/signing.js';

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
	const { accessKeyId, secretAccessKey, sessionToken, region } = keys;
	const headers: Record<string, string> = {
		...request.headers,
		// `20260131T020000Z`
		'x-amz-date': now.toISOString().replace(/[-:]|\.\d+/g, ''),
		'x-amz-content-sha256': payload,
		...(sessionToken !== undefined && { 'x-amz-security-token': sessionToken }),
	};
	// Servers read values without spaces at their ends.
	for (const [name, value] of Object.entries(headers)) headers[name] = value.trim();
	const signable = { protocol: '', ...request, headers };
	headers['authorization'] = signV4(signable, accessKeyId, secretAccessKey, region, now, payload);
	return headers;
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
