import { createHash, randomBytes } from 'node:crypto';

/** Some hundred bytes each. */
const MAX_KEPT = 4096;

/**
 * Keys that were derived from passphrases, kept for the next time in this process: deriving one is made to take long, and one backup
 * is opened several times by a restore or a verification. Of more than 4096, those that were asked for last stay.
 */
export class KeptKeys<Key> {
	/** By passphrase and salt, the one that was asked for last at the end. */
	readonly #kept = new Map<string, Key>();
	/** So that what the map is sorted by tells nothing of the passphrase. */
	readonly #pepper = randomBytes(32);

	/** @param salt all that the key depends on beside the passphrase; of one length, so that no salt and passphrase look like others */
	constructor(private readonly derive: (passphrase: string, salt: string) => Key) {}

	of(passphrase: string, salt: string): Key {
		const name = this.#nameOf(passphrase, salt);
		const key = this.#kept.get(name) ?? this.derive(passphrase, salt);
		this.#kept.delete(name);
		this.#kept.set(name, key);
		for (const oldest of this.#kept.keys()) {
			if (this.#kept.size <= MAX_KEPT) break;
			this.#kept.delete(oldest);
		}
		return key;
	}

	/** Whether the key is known already, so that it costs nothing. */
	has(passphrase: string, salt: string): boolean {
		return this.#kept.has(this.#nameOf(passphrase, salt));
	}

	#nameOf(passphrase: string, salt: string): string {
		return createHash('sha256').update(this.#pepper).update(salt).update(passphrase).digest('hex');
	}
}
