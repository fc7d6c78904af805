import { BackupError, cancelled } from '../../../errors';
import type { RestoreDatabaseOptions } from '../options';
import type { SourceFacts } from '../source';

/** Names of tables in one message. */
const NAMES = 20;

/**
 * How far a restore has got, so that one which ends early can say what it leaves behind. A database of its own is dropped
 * then; an existing one stays as it is at that moment.
 */
export class Progress {
	/** Rows that the server has taken so far, by table key. */
	readonly rows = new Map<string, number>();
	/** True once something in the target is no longer as it was. */
	changed = false;
	/** True once the server was asked to change something, though it may not have answered. */
	#begun = false;

	constructor(
		readonly options: Pick<RestoreDatabaseOptions, 'target' | 'selection'>,
		readonly facts: SourceFacts,
	) {}

	/** From here on nobody knows whether something was changed, until `changed` says so. */
	begin(): void {
		this.#begun = true;
	}

	/** The error of a cancelled restore. */
	cancelled(): BackupError {
		if (this.options.target.type !== 'existing') return cancelled();
		if (!this.changed && this.#begun) {
			return new BackupError('CANCELLED', `The run was cancelled. ${this.#doubt()}`, { hint: this.#look() });
		}
		if (!this.changed) return new BackupError('CANCELLED', 'The run was cancelled; nothing was changed.');
		return new BackupError('CANCELLED', `The run was cancelled. ${this.#state()}`, {
			hint: this.#advice(),
			details: { loadedTables: this.#complete() },
		});
	}

	/** A failure, with what it leaves behind. */
	failed(failure: BackupError): BackupError {
		const { code, message, hint, details, cause } = failure;
		const sentence = /[.!?]$/.test(message) ? message : `${message}.`;
		if (this.options.target.type !== 'existing') return failure;
		if (!this.changed) {
			if (!this.#begun || code !== 'TARGET_UNREACHABLE') return failure;
			return new BackupError(code, `${sentence} ${this.#doubt()}`, { hint: `${hint} ${this.#look()}`, details, cause });
		}
		return new BackupError(code, `${sentence} ${this.#state()}`, {
			hint: [hint, this.#advice()].filter((text) => text !== undefined).join(' '),
			details: { ...details, loadedTables: this.#complete() },
			cause,
		});
	}

	/** The first change was asked for, and no answer came. */
	#doubt(): string {
		const { target } = this.options;
		const changes = { nothing: 'changed', truncate: 'emptied and filled again', drop: 'dropped and made anew' };
		const what = target.type === 'existing' ? changes[target.before] : changes.nothing;
		return `The server had not answered yet: tables of "${target.database}" may be ${what} already.`;
	}

	#look(): string {
		return `See what they hold. ${this.#advice()}`;
	}

	#wanted(): Array<[table: string, rows: number]> {
		const filter = this.facts.filter(this.options.selection ?? {});
		return [...(this.facts.expectedRows ?? [])].filter(([table, rows]) => rows > 0 && filter.wantsTable(table));
	}

	/** Names of the tables that have all their rows. */
	#complete(): string[] {
		const complete = this.#wanted().filter(([table, rows]) => this.rows.get(table) === rows);
		return complete.map(([table]) => table.replace('\0', '.')).sort();
	}

	#state(): string {
		const { target } = this.options;
		const names = this.#complete();
		const shown = names.length > NAMES ? [...names.slice(0, NAMES), '…'] : names;
		const list = names.length > 0 ? ` (${shown.join(', ')})` : '';
		return `The database "${target.database}" holds part of the backup now: of ${this.#wanted().length} tables with rows, ${names.length} are loaded completely${list}.`;
	}

	#advice(): string {
		const again = this.options.selection?.dataOnly
			? 'To complete it, run the restore again with Before Restoring set to Empty the Tables'
			: 'To complete it, run the restore again with the same tables or schemas chosen and Before Restoring set to Drop the Tables';
		return `${again}, or restore with Safe Swap, which changes nothing until all is loaded.`;
	}
}
