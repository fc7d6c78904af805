/** Something that is wrong with a snapshot (`error`), or that its owner should know of (`warning`). */
export interface SnapshotFinding {
	severity: 'error' | 'warning';
	/** Path inside the snapshot, through nested tars: `0/segments/71d0.tar/segment.json`. Empty for the snapshot as a whole. */
	where: string;
	/** A sentence. */
	what: string;
}

/** A snapshot can be damaged in a million places; the first ones tell enough. */
const MAX_FINDINGS = 100;

/** Collects what is found. */
export class Findings {
	readonly list: SnapshotFinding[] = [];

	error(where: string, what: string): void {
		this.#add('error', where, what);
	}

	warning(where: string, what: string): void {
		this.#add('warning', where, what);
	}

	/** Warnings must never crowd out an error. */
	#add(severity: SnapshotFinding['severity'], where: string, what: string): void {
		const alike = this.list.filter((finding) => finding.severity === severity).length;
		if (alike < MAX_FINDINGS) this.list.push({ severity, where: where.replace(/\/$/, ''), what });
	}
}
