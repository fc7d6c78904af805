import type { ManifestSummary } from './entry';

/** What the backups of a series have in common, most of the time. */
const COMMON = ['source', 'tool', 'codec', 'encryption', 'options', 'warnings', 'tags', 'partial'] as const;
const NAMES = ['name', 'folder'] as const;

/** Of what differs from backup to backup nothing is gained: once there is so much, the rest is left as it is. */
const MOST = 2000;

/**
 * Holds once what many manifests say, for those who keep thousands of them: a manifest takes a fifth of the memory then. What it
 * gives is shared, so nobody may change it.
 */
export class SharedFacts {
	readonly #known = new Map<string, unknown>();

	/** The same manifest, with what others have said as well in common with them. */
	of(manifest: ManifestSummary): ManifestSummary {
		const shared: Record<string, unknown> = { ...manifest };
		for (const member of COMMON) {
			const value = manifest[member];
			if (value !== undefined && value !== null) shared[member] = this.#once(JSON.stringify(value), value);
		}
		for (const member of NAMES) {
			const value = manifest[member];
			if (value !== undefined) shared[member] = this.#once(value, value);
		}
		return shared as ManifestSummary;
	}

	#once(text: string, value: unknown): unknown {
		const known = this.#known.get(text);
		// A name may read like the text of something else.
		if (known !== undefined && typeof known === typeof value) return known;
		if (known === undefined && this.#known.size < MOST) this.#known.set(text, value);
		return value;
	}
}
