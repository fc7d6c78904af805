import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';

import { describe, expect, it } from 'vitest';

import type { ErrorCode } from '../../../../engine/errors';
import { s3Error } from '../../../../engine/storage/s3/errors';
import { failureOfAnswer, failureOfConnection, isPassing, S3Failure } from '../../../../engine/storage/s3/failure';
import { settingsOf } from '../../../../engine/storage/s3/options';

const OPTIONS = {
	endpoint: 'https://s3.example.com',
	accessKeyId: 'key',
	secretAccessKey: 'secret',
	bucket: 'nightly',
};

const xml = (code: string, message = '', more = '') =>
	`<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code><Message>${message}</Message>${more}</Error>`;
const page = (title: string) => `<!DOCTYPE html><html><head><title>${title}</title></head><body></body></html>`;

function answer(statusCode: number, body: string, headers: IncomingHttpHeaders = {}): S3Failure {
	return failureOfAnswer({ statusCode, headers } as IncomingMessage, body);
}

/** What people read: message and hint in one. */
function told(failure: S3Failure, options: Partial<typeof OPTIONS & { forcePathStyle: boolean; region: string }> = {}) {
	const place = { settings: settingsOf({ ...OPTIONS, ...options }), storage: 'bucket nightly at s3', key: 'a/x.sql' };
	const { code, message, hint } = s3Error(failure, place);
	return { code, text: `${message} ${hint}` };
}

describe('what an answer means', () => {
	it.each<[string, S3Failure, ErrorCode, RegExp]>([
		['a quota', answer(403, xml('QuotaExceeded', 'Quota exceeded')), 'STORAGE_FULL', /QuotaExceeded/],
		['a full disk', answer(507, xml('XMinioStorageFull', 'reached its minimum free drive')), 'STORAGE_FULL', /Prune/],
		[
			"MinIO's quota",
			answer(400, xml('XMinioAdminBucketQuotaExceeded', 'Bucket quota exceeded')),
			'STORAGE_FULL',
			/quota/,
		],
		['a cap', answer(403, xml('StorageCapExceeded', 'no more')), 'STORAGE_FULL', /StorageCapExceeded: no more/],
		[
			"Backblaze's cap",
			answer(403, xml('AccessDenied', 'Cannot upload files, storage cap exceeded. See the Caps &amp; Alerts page.')),
			'STORAGE_FULL',
			/storage cap exceeded\. See the Caps & Alerts page/,
		],
		[
			"Backblaze's other caps",
			answer(403, xml('AccessDenied', 'Transaction cap exceeded, see the Caps page')),
			'STORAGE_DENIED',
			/cap of the account.*Transaction cap exceeded/,
		],
		["Swift's quota", answer(413, 'Upload exceeds quota.'), 'STORAGE_FULL', /Upload exceeds quota/],
		['a full server behind a proxy', answer(507, page('507')), 'STORAGE_FULL', /507/],
		['a denial, with its reason', answer(403, xml('AccessDenied', 'not from here')), 'STORAGE_DENIED', /not from here/],
		[
			'a code nobody knows',
			answer(400, xml('Frobnicated', 'do not')),
			'STORAGE_FAILED',
			/Frobnicated: do not(?!.*busy)/,
		],
		['a proxy that forbids', answer(403, page('Forbidden')), 'STORAGE_DENIED', /not as an S3 server.*firewall/],
		['a proxy that wants a login', answer(401, page('Login')), 'STORAGE_DENIED', /login page/],
		["a proxy's limit", answer(413, page('413')), 'STORAGE_DENIED', /16 MiB.*client_max_body_size.*Part Size/],
		["a server's limit", answer(413, xml('EntityTooLarge', 'too large')), 'INVALID_INPUT', /smaller Part Size/],
		['a proxy without a server', answer(502, page('Bad Gateway')), 'STORAGE_FAILED', /proxy before it.*502/],
		[
			'a page that is not there',
			answer(404, page('404')),
			'INVALID_INPUT',
			/answers, but not as an S3 server.*404.*9000/,
		],
		['an object that is not there', answer(404, xml('NoSuchKey')), 'STORAGE_MISSING', /pruned/],
		['a bucket that is not there', answer(404, xml('NoSuchBucket')), 'STORAGE_MISSING', /no bucket nightly/],
		['a method that is not known', answer(405, page('405')), 'INVALID_INPUT', /not as an S3 server/],
		[
			'HTTP to HTTPS',
			answer(400, 'Client sent an HTTP request to an HTTPS server.'),
			'STORAGE_UNREACHABLE',
			/https:\/\//,
		],
		['a wrong time', answer(403, xml('RequestTimeTooSkewed', 'differs')), 'STORAGE_DENIED', /clock.*NTP/],
		['an expired request', answer(403, xml('AccessDenied', 'Request has expired')), 'STORAGE_DENIED', /clock/],
		[
			'a denial at a wrong time',
			answer(403, xml('AccessDenied'), { date: new Date(Date.now() + 3_600_000).toUTCString() }),
			'STORAGE_DENIED',
			/60 minutes behind/,
		],
		['a wrong key', answer(403, xml('SignatureDoesNotMatch', 'no match')), 'STORAGE_DENIED', /secret key/],
		['a wrong class', answer(400, xml('InvalidStorageClass', 'no')), 'INVALID_INPUT', /Storage Class/],
		['a cold object', answer(403, xml('InvalidObjectState', 'cold')), 'STORAGE_FAILED', /thawed/],
		['a closed account', answer(403, xml('UserSuspended')), 'STORAGE_DENIED', /account/],
		['a missing payment', answer(402, xml('PaymentRequired')), 'STORAGE_DENIED', /account/],
		[
			'too few parts',
			answer(400, xml('InvalidArgument', 'Part number must be an integer between 1 and 1000, inclusive')),
			'INVALID_INPUT',
			/Max Parts/,
		],
		[
			'a wrong region',
			answer(400, xml('AuthorizationHeaderMalformed', 'no', '<Region>eu-1</Region>')),
			'INVALID_INPUT',
			/eu-1/,
		],
		[
			'a wrong region in a header',
			answer(400, '', { 'x-amz-bucket-region': 'eu-2' }),
			'INVALID_INPUT',
			/Set the region to eu-2/,
		],
		[
			"AWS's redirect",
			answer(301, xml('PermanentRedirect', 'use it', '<Endpoint>nightly.s3.eu-3.amazonaws.com</Endpoint>')),
			'INVALID_INPUT',
			/make it the endpoint: https:\/\/s3\.eu-3\.amazonaws\.com/,
		],
	])('%s', (_, failure, code, text) => {
		expect(told(failure)).toEqual({ code, text: expect.stringMatching(text) as string });
	});

	it.each([301, 302, 307, 308])(
		'of a redirect with status %d is where it leads, and nothing that it holds besides',
		(status) => {
			const failure = answer(status, page('Moved'), { location: 'https://login.example.com/x?token=geheim' });
			const { code, text } = told(failure);
			expect([code, text]).toEqual(['INVALID_INPUT', expect.stringContaining('https://login.example.com')]);
			expect(text).toContain(`HTTP status ${status}`);
			expect(text).not.toContain('geheim');
			expect(isPassing(failure)).toBe(false);
			const secured = answer(status, '', { location: 'https://s3.example.com/nightly/x' });
			expect(told(secured, { endpoint: 'http://s3.example.com' }).text).toContain('Begin the endpoint with https://');
			expect(told(answer(status, '', { location: '/login' })).text).toContain('another address');
		},
	);

	it('is not told at any length, nor on several lines', () => {
		const { text } = told(answer(400, xml('Odd', `a\r\n\u001b[31m${'b'.repeat(5000)}`)));
		expect(['\r', '\n', '\u001b'].filter((character) => text.includes(character))).toEqual([]);
		expect(text.length).toBeLessThan(700);
	});

	it('may pass only where the same request may go well later', () => {
		for (const status of [408, 429, 500, 502, 503, 504])
			expect([status, isPassing(answer(status, page('no')))]).toEqual([status, true]);
		for (const status of [301, 400, 403, 404, 405, 413, 501, 507]) {
			expect([status, isPassing(answer(status, page('no')))]).toEqual([status, false]);
		}
		expect(isPassing(answer(500, xml('QuotaExceeded', 'full')))).toBe(false);
		for (const status of [429, 503]) {
			expect(isPassing(answer(status, xml('RequestQuotaExceeded', 'Rate exceeded for this storage')))).toBe(true);
		}
	});
});

describe('a connection that fails', () => {
	const system = (code: string, more: object = {}) =>
		failureOfConnection(Object.assign(new Error(code.toLowerCase()), { code, ...more }));

	it('for want of a name is not told to use path style where it does', () => {
		const unknown = () => system('ENOTFOUND', { hostname: 'nightly.s3.example.com' });
		expect(told(unknown(), { forcePathStyle: false }).text).toMatch(
			/nightly\.s3\.example\.com of the S3 endpoint could not.*Force Path Style/,
		);
		expect(told(system('ENOTFOUND', { hostname: 's3.example.com' })).text).not.toContain('tyle');
		expect(told(system('EAI_AGAIN')).text).toContain('name server');
	});

	it.each<[string, RegExp]>([
		['ECONNREFUSED', /Nothing answers at the S3 endpoint s3\.example\.com:443/],
		['ETIMEDOUT', /does not answer.*Stall Timeout/],
		['ECONNRESET', /connection to the S3 endpoint s3\.example\.com:443 failed/],
		['HPE_INVALID_CONSTANT', /is not HTTP/],
		['CERT_HAS_EXPIRED', /certificate/],
		['ERR_TLS_CERT_ALTNAME_INVALID', /certificate/],
		['ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION', /cannot agree on an encrypted connection/],
		['ERR_SSL_UNSUPPORTED_PROTOCOL', /TLS settings/],
	])('with %s says what it may be', (code, text) => {
		expect(told(system(code))).toEqual({ code: 'STORAGE_UNREACHABLE', text: expect.stringMatching(text) as string });
	});

	it('says how often and how long it was tried', () => {
		const failure = system('ECONNRESET');
		Object.assign(failure, { attempts: 17, outageMs: 120_000 });
		expect(told(failure).text).toContain('tried 17 times in 120 s');
	});

	it('because the two do not agree on encryption is not tried again', () => {
		expect(isPassing(system('ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION'))).toBe(false);
		expect(isPassing(system('ERR_SSL_DECRYPTION_FAILED_OR_BAD_RECORD_MAC'))).toBe(true);
	});
});
