/**
 * n8n's encryption of credentials, as far as it takes to prove that a key opens them (`n8n-core`, `encryption`, 2.41). Nothing is encrypted here.
 *
 * The forms that there are: AES-256-CBC with the key and IV that OpenSSL derives by MD5 (`Salted__`, CryptoJS's form), under the instance's
 * key itself; newer versions also have AES-256-GCM under data keys, whose id stands in front: `<id>:<base64>`. Data keys lie in the table deployment_key, each
 * sealed by AES-256-GCM under the SHA-256 of the instance's key: so such a row proves the key for certain, where there is no credential at all.
 */
import { createDecipheriv, createHash, hkdfSync } from 'node:crypto';

/** A row of the table deployment_key. */
export interface SealedKey {
	id: string;
	type: string;
	algorithm: string | null;
	value: string;
}

const SALTED = Buffer.from('Salted__');
const GCM_VERSION = 1;
const GCM_INFO = 'n8n-encryption-v1';
const PREFIXED = /^([A-Za-z0-9_-]{1,36}):(.*)$/s;

/** Of a value of n8n's: the salt of 32 bytes, the tag of 16, the content. @throws Error where the key is wrong, or the value damaged */
export function openGcm(value: string, keyHex: string): string {
	const bytes = Buffer.from(value, 'base64');
	const key = Buffer.from(keyHex, 'hex');
	if (bytes.length < 49 || bytes[0] !== GCM_VERSION || key.length !== 32) throw new Error('it is not of this form');
	const derived = Buffer.from(hkdfSync('sha256', key, bytes.subarray(1, 33), GCM_INFO, 44));
	const decipher = createDecipheriv('aes-256-gcm', derived.subarray(0, 32), derived.subarray(32), {
		authTagLength: 16,
	});
	decipher.setAuthTag(bytes.subarray(33, 49));
	return Buffer.concat([decipher.update(bytes.subarray(49)), decipher.final()]).toString('utf8');
}

/** @throws Error where the key is wrong (a padding that fits by chance, 1 in 256, gives nonsense), or the value damaged */
export function openCbc(value: string, key: string): string {
	const bytes = Buffer.from(value, 'base64');
	if (bytes.length < 32 || !bytes.subarray(0, 8).equals(SALTED)) throw new Error('it is not of this form');
	const password = Buffer.concat([Buffer.from(key, 'latin1'), bytes.subarray(8, 16)]);
	const md5 = (...parts: Buffer[]) => createHash('md5').update(Buffer.concat(parts)).digest();
	const first = md5(password);
	const second = md5(first, password);
	const decipher = createDecipheriv('aes-256-cbc', Buffer.concat([first, second]), md5(second, password));
	return Buffer.concat([decipher.update(bytes.subarray(16)), decipher.final()]).toString('utf8');
}

/** Opens credentials of one instance. */
export class InstanceCipher {
	readonly #key: string;
	readonly #sealed: readonly SealedKey[];

	constructor(key: string, sealed: readonly SealedKey[]) {
		this.#key = key;
		this.#sealed = sealed;
	}

	/** The data keys that this key opens, and those that it does not. */
	tryDataKeys(): { opened: number; failed: number } {
		const rows = this.#sealed.filter(({ type, algorithm }) => type === 'data_encryption' && algorithm !== null);
		const opened = rows.filter((row) => this.#dataKey(row) !== undefined).length;
		return { opened, failed: rows.length - opened };
	}

	/** Whether a credential's data opens, and is what n8n stores there: an object. */
	opens(data: string): boolean {
		try {
			const json: unknown = JSON.parse(this.#open(data));
			return typeof json === 'object' && json !== null;
		} catch {
			return false;
		}
	}

	#open(data: string): string {
		const [, id, content] = PREFIXED.exec(data) ?? [];
		if (id === undefined || content === undefined) return openCbc(data, this.#legacyKey());
		const row = this.#sealed.find((one) => one.id === id && one.type === 'data_encryption');
		const key = row && this.#dataKey(row);
		if (key === undefined) throw new Error('its key is not there');
		return row?.algorithm === 'aes-256-cbc' ? openCbc(content, key) : openGcm(content, key);
	}

	/** The key of values without an id: the instance's own, unless it was exchanged since. */
	#legacyKey(): string {
		const row = this.#sealed.find(({ type, algorithm }) => type === 'data_encryption' && algorithm === 'aes-256-cbc');
		return (row && this.#dataKey(row)) ?? this.#key;
	}

	#dataKey({ value }: SealedKey): string | undefined {
		try {
			return openGcm(value, createHash('sha256').update(this.#key).digest('hex'));
		} catch {
			return undefined;
		}
	}
}
