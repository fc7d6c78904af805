import { BackupError } from '../../errors';
import { lexScript, MAX_DEFINITION_BYTES, type ScriptItem } from '../script';
import { readScriptSetting, isOff } from '../script/settings';
import { ScriptEnds } from '../import/scriptEnds';
import type { StatementFacts } from '../statements/facts';
import { describeStatement } from '../statements/statement';
import { tableKey } from '../statements/tokens';

const EMPTY_ROW = /^INSERT INTO [\s\S]* DEFAULT VALUES$/;
const LARGE_OBJECT = /^SELECT (?:pg_catalog\.)?lo_create\(/;

/** What the statements in all scripts of an archive create. */
export class ScriptFacts {
	readonly ends = new ScriptEnds();
	statements = 0;
	/** The number of large objects. */
	largeObjects = 0;
	roles = 0;
	tablespaces = 0;
	/** How many rows tables without columns have, by table key. */
	readonly emptyRows = new Map<string, number>();
	/** The tables by key, and whether they have rows of their own. */
	readonly created = new Map<string, { holdsRows: boolean }>();
	/** The setting standard_conforming_strings, which decides how strings are read. */
	standardStrings = true;

	/** @param maxStatementBytes the length of the longest statement that is read */
	constructor(readonly maxStatementBytes = MAX_DEFINITION_BYTES) {}

	/**
	 * Reads one script, which has to end where a statement ends.
	 * @param look called for each item, before its settings are applied
	 * @throws BackupError as lexScript does; what the source throws
	 */
	async read(
		script: AsyncIterable<Uint8Array>,
		signal?: AbortSignal,
		look?: (item: ScriptItem) => void,
	): Promise<void> {
		const options = {
			maxStatementBytes: this.maxStatementBytes,
			onComment: (text: string) => this.ends.note(text),
			standardStrings: this.standardStrings,
			...(signal && { signal }),
		};
		for await (const item of lexScript(script, options)) {
			this.statements++;
			look?.(item);
			if (item.type === 'statement') this.#add(item.text);
		}
	}

	/**
	 * Checks that the opening and closing lines of pg_dump were read.
	 * @throws BackupError ARCHIVE_INCOMPLETE
	 */
	assertWhole(of: 'database' | 'cluster'): void {
		const { complete, headless, ofDatabase, ofCluster } = this.ends;
		if (complete && !headless && (of === 'database' ? ofDatabase : ofCluster)) return;
		throw new BackupError('ARCHIVE_INCOMPLETE', 'The script lacks its first or its closing line.', {
			hint: 'Do not rely on it. Make a new backup.',
		});
	}

	#add(statement: string): void {
		const setting = /^set\b/i.test(statement) ? readScriptSetting(statement) : undefined;
		if (setting?.name === 'standard_conforming_strings') this.standardStrings = !isOff(setting.value);
		if (LARGE_OBJECT.test(statement)) this.largeObjects++;
		else if (statement.startsWith('CREATE ')) this.#addCreated(statement);
		else if (EMPTY_ROW.test(statement)) this.#addEmptyRow(this.#describe(statement));
	}

	#describe(statement: string): StatementFacts {
		return describeStatement(statement, { schema: '', standardStrings: this.standardStrings });
	}

	#addCreated(statement: string): void {
		if (statement.startsWith('CREATE ROLE ')) this.roles++;
		else if (statement.startsWith('CREATE TABLESPACE ')) this.tablespaces++;
		else if (/^CREATE (?:UNLOGGED |FOREIGN )?TABLE /.test(statement)) {
			const { schema, name, holdsRows = false } = this.#describe(statement);
			if (schema !== undefined && name !== undefined) this.created.set(tableKey(schema, name), { holdsRows });
		}
	}

	#addEmptyRow({ table }: StatementFacts): void {
		if (table !== undefined) this.emptyRows.set(table, (this.emptyRows.get(table) ?? 0) + 1);
	}
}
