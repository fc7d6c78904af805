import { createPrivateKey, generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto';

// X.509 certificates for TLS tests, written as DER by hand (RFC 5280, section 4.1), so that no test needs an `openssl` program.
export interface Certificate {
	/** PEM. */
	cert: string;
	/** PEM, PKCS #8. */
	key: string;
}

interface Issuer extends Certificate {
	name: string;
}

const INTEGER = 0x02;
const BIT_STRING = 0x03;
const OCTET_STRING = 0x04;
const OBJECT_IDENTIFIER = 0x06;
const UTF8_STRING = 0x0c;
const GENERALIZED_TIME = 0x18;
const SEQUENCE = 0x30;
const SET = 0x31;

const OID = {
	ecdsaWithSha256: '2a8648ce3d040302',
	commonName: '550403',
	subjectAltName: '551d11',
	basicConstraints: '551d13',
};

/** One tag, length, value. */
function der(tag: number, ...parts: Buffer[]): Buffer {
	const body = Buffer.concat(parts);
	if (body.length < 0x80) return Buffer.concat([Buffer.from([tag, body.length]), body]);
	const length = Buffer.from(body.length.toString(16).padStart(body.length > 0xff ? 4 : 2, '0'), 'hex');
	return Buffer.concat([Buffer.from([tag, 0x80 | length.length]), length, body]);
}

const oid = (hex: string) => der(OBJECT_IDENTIFIER, Buffer.from(hex, 'hex'));
const name = (text: string) =>
	der(SEQUENCE, der(SET, der(SEQUENCE, oid(OID.commonName), der(UTF8_STRING, Buffer.from(text)))));
const time = (date: Date) =>
	der(GENERALIZED_TIME, Buffer.from(`${date.toISOString().replace(/[-:T]/g, '').slice(0, 14)}Z`));
const extension = (id: string, value: Buffer) => der(SEQUENCE, oid(id), der(OCTET_STRING, value));
const pem = (bytes: Buffer) =>
	`-----BEGIN CERTIFICATE-----\n${bytes
		.toString('base64')
		.match(/.{1,64}/g)!
		.join('\n')}\n-----END CERTIFICATE-----\n`;

function extensions(subject: string, isAuthority: boolean): Buffer {
	const value = isAuthority
		? extension(OID.basicConstraints, der(SEQUENCE, Buffer.from([0x01, 0x01, 0xff])))
		: extension(
				OID.subjectAltName,
				der(SEQUENCE, der(0x82, Buffer.from(subject)), der(0x87, Buffer.from([127, 0, 0, 1]))),
			);
	return der(0xa3, der(SEQUENCE, value));
}

function issue(subject: string, issuer: Issuer | undefined): Certificate {
	const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
	const signer: KeyObject = issuer ? createPrivateKey(issuer.key) : privateKey;
	const algorithm = der(SEQUENCE, oid(OID.ecdsaWithSha256));
	const day = 86_400_000;
	const toBeSigned = der(
		SEQUENCE,
		der(0xa0, der(INTEGER, Buffer.from([2]))),
		der(INTEGER, Buffer.concat([Buffer.from([0x01]), randomBytes(15)])),
		algorithm,
		name(issuer?.name ?? subject),
		der(SEQUENCE, time(new Date(Date.now() - day)), time(new Date(Date.now() + 365 * day))),
		name(subject),
		publicKey.export({ type: 'spki', format: 'der' }),
		extensions(subject, !issuer),
	);
	const signature = Buffer.concat([Buffer.from([0]), sign('sha256', toBeSigned, signer)]);
	return {
		cert: pem(der(SEQUENCE, toBeSigned, algorithm, der(BIT_STRING, signature))),
		key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
	};
}

export interface Authority {
	/** PEM of the authority's own certificate. */
	ca: string;
	/** A certificate for a host name (127.0.0.1 too), or for a user's name as PostgreSQL's `cert` method reads it. */
	issue(subject: string): Certificate;
}

/** A certificate authority that nobody else trusts. */
export function createAuthority(): Authority {
	const authority = { ...issue('Stack Backup Test CA', undefined), name: 'Stack Backup Test CA' };
	return { ca: authority.cert, issue: (subject) => issue(subject, authority) };
}
