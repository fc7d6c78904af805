/** What of a foreign tar is not restored, and how that is told. */
import { NAMES_TOLD } from '../../tree';
import type { LeftOutBecause } from './member';

interface Some {
	count: number;
	names: string[];
}

export class LeftOutMembers {
	readonly #found = new Map<LeftOutBecause, Some>();

	/** @param shown the name, as messages have it */
	add(because: LeftOutBecause, shown: string): void {
		const found = this.#found.get(because) ?? { count: 0, names: [] };
		this.#found.set(because, found);
		found.count++;
		if (found.names.length < NAMES_TOLD) found.names.push(shown);
	}

	/** One sentence for each reason. */
	get warnings(): string[] {
		const warnings: string[] = [];
		const special = this.#found.get('special');
		const unknown = this.#found.get('unknown');
		if (special) warnings.push(`${special.count} devices and pipes were left out: ${some(special)}`);
		if (unknown) {
			warnings.push(`${unknown.count} members of types that only their program knows were left out: ${some(unknown)}`);
		}
		if (this.#found.has('index')) {
			warnings.push(
				'The file is an archive of Back Up, read without its manifest: if it is an increment or one of several archives of a backup, this is not all of it. To restore a backup, choose it as Backup Storage, or give its manifest',
			);
		}
		return warnings;
	}
}

function some({ count, names }: Some): string {
	const rest = count - names.length;
	return rest > 0 ? `${names.join(', ')} and ${rest} more` : names.join(', ');
}
