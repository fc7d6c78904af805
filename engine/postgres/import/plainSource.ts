import { BackupError } from '../../errors';
import { isTextFormat } from '../foreign';
import { lexScript, type ScriptMeta } from '../script';
import { StatementChooser } from '../restore/chooser';
import type { RestoreSelection } from '../restore/selection';
import type { RestoreSource, RestoreStep, SourceFacts } from '../restore/source';
import { StatementSurvey } from '../restore/survey';
import { copiedColumns } from '../statements/copiedColumns';

import { ScriptEnds } from './scriptEnds';

/** Opens the script from its first byte; every call reads it anew. */
export type OpenScript = (signal?: AbortSignal) => Promise<AsyncIterable<Uint8Array>>;

/** Backslash commands that concern psql alone. */
const IGNORED = new Set(['restrict', 'unrestrict', 'echo', 'timing', 'pset', 'x', 'qecho', 'warn']);

/** A psql script of one database, as pg_dump writes it. It is read from end to end, twice: to check it, and to run it. */
export class PlainSource implements RestoreSource {
	readonly #survey = new StatementSurvey();

	constructor(
		readonly name: string,
		readonly open: OpenScript,
	) {}

	async inspect(signal?: AbortSignal): Promise<SourceFacts> {
		const ends = new ScriptEnds();
		const databases = new Set<string>();
		let statements = 0;
		for await (const item of lexScript(await this.open(signal), { signal, onComment: (text) => ends.note(text) })) {
			statements++;
			if (item.type === 'meta') checkMeta(item, databases);
			else if (item.type === 'statement') this.#survey.add(item.text);
			else {
				for await (const rows of item.rows) void rows;
				const table = this.#survey.copied(item.statement);
				const lines = isTextFormat(item.statement) ? item.counts().lines : undefined;
				if (table) this.#survey.addRows(table, lines, copiedColumns(item.statement));
			}
		}
		this.#check(ends, statements, databases);
		return { name: this.name, ...this.#survey.facts, lacks: this.#survey.lacks, ordered: false };
	}

	#check(ends: ScriptEnds, statements: number, databases: Set<string>): void {
		if (statements === 0) {
			throw new BackupError('INVALID_INPUT', `${this.name} holds no SQL statements; nothing was changed.`, {
				hint: 'Choose a file made by pg_dump: plain SQL, or the custom format (-Fc).',
			});
		}
		if (databases.size === 0 && ends.ofCluster) {
			throw new BackupError(
				'INVALID_INPUT',
				`${this.name} holds roles and other globals of a server and no database; nothing was changed.`,
				{
					hint: 'It was made by pg_dumpall --globals-only. Run it with psql; the database is in a dump of its own.',
				},
			);
		}
		if (!ends.complete) {
			throw new BackupError(
				'ARCHIVE_INCOMPLETE',
				`${this.name} ends before pg_dump’s closing line; nothing was changed.`,
				{
					hint: 'The file was cut off while it was made or copied. Fetch it again or use another dump.',
				},
			);
		}
		if (databases.size > 1) {
			throw new BackupError(
				'INVALID_INPUT',
				`${this.name} holds several databases (${[...databases].join(', ')}); nothing was changed.`,
				{
					hint: 'It is a dump of a whole server (pg_dumpall). Dump each database by itself with pg_dump, or split the file.',
				},
			);
		}
	}

	async *steps(selection: RestoreSelection, signal?: AbortSignal): AsyncGenerator<RestoreStep> {
		const chooser = new StatementChooser(this.#survey.filter(selection));
		for await (const item of lexScript(await this.open(signal), { signal })) {
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

function checkMeta({ command, args, line }: ScriptMeta, databases: Set<string>): void {
	if (IGNORED.has(command)) return;
	if (command === 'connect' || command === 'c') {
		databases.add(args.find((arg) => !arg.startsWith('-')) ?? '');
		return;
	}
	if (command === 'set' && args[0] === 'ON_ERROR_STOP') return;
	if (command === 'encoding' && /^(?:utf-?8|unicode)$/i.test(args[0] ?? '')) return;
	throw new BackupError(
		'INVALID_INPUT',
		`Line ${line} holds psql’s command \\${command}, which cannot be carried out here; nothing was changed.`,
		{
			hint: 'Use a script that pg_dump has written, or take the command out.',
		},
	);
}
