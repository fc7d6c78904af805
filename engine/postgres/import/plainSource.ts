import {
	type Inspection,
	type RestoreSelection,
	type RestoreSource,
	type RestoreStep,
	type SourceFacts,
	StatementChooser,
} from '../restore';

import { chooseDatabase } from './chooseDatabase';
import type { PlainScript, ScriptDatabase } from './plainScript';

/** One database of a psql script. The script is read twice from end to end: to check it, and to run it. */
export class PlainSource implements RestoreSource {
	#chosen: ScriptDatabase | undefined;

	/** @param database its name in the script; where undefined, the only one that holds something */
	constructor(
		readonly script: PlainScript,
		readonly database?: string,
	) {}

	get name(): string {
		return this.script.name;
	}

	async inspect({ signal }: Inspection = {}): Promise<SourceFacts> {
		const { chosen, remarks } = chooseDatabase(this.name, await this.script.inspect(signal), this.database);
		const { locale: statedLocale, survey } = chosen;
		this.#chosen = chosen;
		return { name: this.name, ...survey.facts, lacks: survey.lacks, ordered: false, statedLocale, remarks };
	}

	async *steps(selection: RestoreSelection, signal?: AbortSignal): AsyncGenerator<RestoreStep> {
		if (!this.#chosen) await this.inspect({ signal });
		const chosen = this.#chosen as ScriptDatabase;
		const chooser = new StatementChooser(chosen.survey.filter(selection));
		for await (const item of this.script.items(chosen, signal)) {
			if (item.type === 'statement') yield* chooser.choose(item.text, item.comment);
			else if (item.type === 'copy') {
				const { statement, comment, rows } = item;
				const { table, wanted } = chooser.copied(statement);
				if (wanted) yield { type: 'copy', statement, comment, rows, table };
			}
		}
		yield* chooser.end();
	}
}
