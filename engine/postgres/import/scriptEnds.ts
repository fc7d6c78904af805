/** What pg_dump writes at the head of its scripts, as pg_dumpall does around those of its databases. */
const DATABASE = 'PostgreSQL database dump';
const CLUSTER = 'PostgreSQL database cluster dump';

/** At the foot, after the words of the head. */
const COMPLETE = ' complete';

/**
 * Heads and feet of a script, which are comments: whatever says at its head that pg_dump made it has to say at its foot
 * that it is complete. Several scripts may stand in one file, and one within another.
 */
export class ScriptEnds {
	readonly #open = new Map<string, number>();
	/** True once a foot came without its head. */
	headless = false;

	/** Takes the comments between the statements, in their order. */
	note(comment: string): void {
		const text = comment.trim();
		const isFoot = text.endsWith(COMPLETE);
		const head = isFoot ? text.slice(0, -COMPLETE.length) : text;
		if (head !== DATABASE && head !== CLUSTER) return;
		const open = this.#open.get(head) ?? 0;
		if (isFoot && open === 0) this.headless = true;
		this.#open.set(head, Math.max(0, open + (isFoot ? -1 : 1)));
	}

	/** True for what pg_dumpall made. */
	get ofCluster(): boolean {
		return this.#open.has(CLUSTER);
	}

	/** True for what pg_dump made, also within a script of pg_dumpall. */
	get ofDatabase(): boolean {
		return this.#open.has(DATABASE);
	}

	/** Whether a foot came for every head that was noted. */
	get complete(): boolean {
		return [...this.#open.values()].every((count) => count === 0);
	}
}
