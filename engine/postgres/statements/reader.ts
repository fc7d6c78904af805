import { isOff, readScriptSetting } from '../script/settings';

import type { StatementContext, StatementFacts } from './facts';
import { insertedRows } from './insertedRows';
import { describeStatement } from './statement';

/**
 * Reads the statements of a script in their order. What they mean depends on the settings made before: dumps of before
 * 2018 set the search path instead of qualifying names, and old strings may hold escapes.
 */
export class StatementReader {
	#context: StatementContext = { schema: 'public', standardStrings: true };

	/** See skipAt. */
	get standardStrings(): boolean {
		return this.#context.standardStrings;
	}

	read(statement: string): StatementFacts {
		const facts = describeStatement(statement, this.#context);
		if (facts.searchPath !== undefined) this.#context = { ...this.#context, schema: facts.searchPath };
		const setting = facts.kind === 'SET' ? readScriptSetting(statement) : undefined;
		if (setting?.name === 'standard_conforming_strings')
			this.#context = { ...this.#context, standardStrings: !isOff(setting.value) };
		return facts;
	}

	/** See insertedRows. */
	insertedRows(statement: string): number | undefined {
		return insertedRows(statement, this.#context.standardStrings);
	}
}
