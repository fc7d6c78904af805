import type { ManifestPart } from '../../../archive';
import { BackupError } from '../../../errors';
import { lexScript, MAX_DEFINITION_BYTES, type ScriptItem } from '../../script';
import { objectName } from '../../statements/naming';
import { isOfPgDump } from '../../statements/ofPgDump';
import { StatementReader } from '../../statements/reader';

import { one } from './archiveContent';
import type { StatementChooser } from './chooser';
import type { SelectionFilter } from './selection';
import type { RestoreStep } from './source';

/** Whether a part holds definitions. */
export function isScript({ type }: ManifestPart): boolean {
	return type === 'pre-data' || type === 'post-data';
}

/**
 * Turns the scripts of an archive of ours, read in their order, into steps. They have been checked, or are being checked while
 * they are read; all the same each statement is judged by itself once more before it is handed out, for a script may have been
 * replaced in the meantime, and two readers may cut one script differently.
 */
export class ArchiveScripts {
	/** What one script has set holds for those after it. */
	readonly #reader = new StatementReader();
	/** The roles that the target was asked for, each with the way in which it is named. */
	readonly #asked = new Set<string>();

	/** @param file names the archive in errors */
	constructor(
		readonly file: string,
		readonly filter: SelectionFilter,
		readonly chooser: StatementChooser,
	) {}

	/**
	 * @param isNew The script was not read before. One that came whole has been surveyed by now; one that streams is surveyed
	 * as it comes, so the target is asked again whenever a role is named for the first time.
	 * @throws BackupError ARCHIVE_CORRUPT for what pg_dump does not write; as lexScript does; what the script's source throws
	 */
	async *steps(script: Buffer | AsyncIterable<Buffer>, isNew: boolean): AsyncGenerator<RestoreStep> {
		if (isNew) yield { type: 'requirements' };
		const isWhole = Buffer.isBuffer(script);
		const options = { maxStatementBytes: MAX_DEFINITION_BYTES, standardStrings: this.#reader.standardStrings };
		for await (const item of lexScript(isWhole ? one(script) : script, options)) {
			const text = this.#statement(item);
			const namesNew = this.#namesNewRole(text);
			if (isNew && !isWhole && namesNew) yield { type: 'requirements' };
			if (item.type === 'statement') yield* this.chooser.choose(text, item.comment);
		}
	}

	/** The statement's text. @throws BackupError ARCHIVE_CORRUPT */
	#statement(item: ScriptItem): string {
		if (item.type === 'statement' && isOfPgDump(item.text, this.#reader.standardStrings)) return item.text;
		const text = item.type === 'meta' ? `\\${item.command}` : item.type === 'copy' ? item.statement : item.text;
		throw new BackupError(
			'ARCHIVE_CORRUPT',
			`The script of ${this.file} holds what pg_dump does not write there: ${objectName('', text)}`,
			{ hint: 'The archive was edited after it was made, or while it was read. Choose another backup.' },
		);
	}

	#namesNewRole(text: string): boolean {
		const facts = this.#reader.read(text);
		if (!facts.role || !['yes', 'keep'].includes(this.filter.decide(facts))) return false;
		const { kind, names } = facts.role;
		const known = this.#asked.size;
		for (const name of names) this.#asked.add(`${kind}\0${name}`);
		return this.#asked.size > known;
	}
}
