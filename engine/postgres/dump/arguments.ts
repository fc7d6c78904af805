import { BackupError } from '../../errors';
import { LONGEST_TIMEOUT, wholeNumber } from '../../archive';

/** What to dump, in pg_dump's terms; patterns are pg_dump's (psql's `\d` patterns). */
export interface DumpSelection {
	schemas?: string[];
	excludeSchemas?: string[];
	tables?: string[];
	excludeTables?: string[];
	/** Tables whose definition is kept and whose rows are left out. */
	excludeTableData?: string[];
	/** Definitions and rows unless told otherwise. */
	content?: 'all' | 'schema' | 'data';
	noOwner?: boolean;
	noPrivileges?: boolean;
	/** DROP statements first; ifExists makes them tolerant. */
	clean?: boolean;
	ifExists?: boolean;
	/** pg_dump's own rule unless told: with all of a database, not with a selection of it. */
	largeObjects?: 'auto' | 'include' | 'exclude';
	/** Milliseconds to wait for each table's lock; without it, or 0, a backup waits as long as it takes. */
	lockTimeout?: number;
	/** Further arguments of pg_dump, as one would type them; see ALLOWED. */
	extraArguments?: string;
}

/** pg_dump's long options that only shape the script. Those of connection, output and format are ours to decide. */
const ALLOWED = new Map<string, 'flag' | 'value'>([
	['--disable-dollar-quoting', 'flag'],
	['--disable-triggers', 'flag'],
	['--enable-row-security', 'flag'],
	['--exclude-extension', 'value'],
	['--exclude-table-and-children', 'value'],
	['--exclude-table-data-and-children', 'value'],
	['--extension', 'value'],
	['--include-foreign-data', 'value'],
	['--load-via-partition-root', 'flag'],
	['--no-comments', 'flag'],
	['--no-policies', 'flag'],
	['--no-publications', 'flag'],
	['--no-security-labels', 'flag'],
	['--no-subscriptions', 'flag'],
	['--no-table-access-method', 'flag'],
	['--no-tablespaces', 'flag'],
	['--no-toast-compression', 'flag'],
	['--no-unlogged-table-data', 'flag'],
	['--quote-all-identifiers', 'flag'],
	['--role', 'value'],
	['--statistics', 'flag'],
	['--strict-names', 'flag'],
	['--table-and-children', 'value'],
]);

const PIECE_OF_WORD = /"((?:[^"\\]|\\[\s\S])*)"|'([^']*)'|\\([\s\S])|([^\s"'\\])/y;

/** Words as a shell separates them: quotes keep blanks together, a backslash takes the next character as it is. */
function words(line: string): string[] {
	const found: string[] = [];
	let inWord = false;
	for (let at = 0; at < line.length;) {
		if (/\s/.test(line[at] as string)) {
			inWord = false;
			at++;
			continue;
		}
		PIECE_OF_WORD.lastIndex = at;
		const match = PIECE_OF_WORD.exec(line);
		if (!match) {
			throw new BackupError(
				'INVALID_INPUT',
				`The further pg_dump arguments hold a quote or a backslash without its counterpart: ${line.slice(at, at + 40)}`,
				{
					hint: 'Close the quote. Write a pattern that holds double quotes in single ones: --table-and-children=\'"Order Lines"\'.',
				},
			);
		}
		const [text, double, single, escaped, plain] = match;
		if (!inWord) found.push('');
		inWord = true;
		found[found.length - 1] += double?.replace(/\\(["\\$`])/g, '$1') ?? single ?? escaped ?? plain ?? '';
		at += text.length;
	}
	return found;
}

function refuse(word: string): BackupError {
	const option = word.split('=')[0];
	return new BackupError('INVALID_INPUT', `The pg_dump argument "${option}" is not allowed here.`, {
		hint: `Allowed are: ${[...ALLOWED.keys()].join(' ')}. Everything about connection, format and output has a field of its own.`,
	});
}

/**
 * Checks further arguments against the list of allowed ones.
 * @throws BackupError INVALID_INPUT naming the first that is not allowed, lacks its value or has one too many.
 */
export function parseExtraArguments(line: string): string[] {
	const result: string[] = [];
	const queue = words(line);
	for (let word = queue.shift(); word !== undefined; word = queue.shift()) {
		const [, option, value] = /^(--[a-z-]+)(?:=(.*))?$/s.exec(word) ?? [];
		const takes = option === undefined ? undefined : ALLOWED.get(option);
		if (option === undefined || takes === undefined) throw refuse(word);
		if (takes === 'flag') {
			if (value !== undefined) throw new BackupError('INVALID_INPUT', `The pg_dump argument ${option} takes no value.`);
			result.push(option);
			continue;
		}
		const given = value ?? queue.shift();
		if (given === undefined || given === '')
			throw new BackupError('INVALID_INPUT', `The pg_dump argument ${option} needs a value.`);
		result.push(`${option}=${given}`);
	}
	return result;
}

function checkChoice(value: string, choices: string[], what: string): void {
	if (choices.includes(value)) return;
	throw new BackupError('INVALID_INPUT', `${what} is ${JSON.stringify(value)}.`, {
		hint: `Choose one of: ${choices.join(', ')}.`,
	});
}

/**
 * pg_dump's arguments for a selection.
 * @throws BackupError INVALID_INPUT for choices that exclude each other, or are none.
 */
export function dumpArguments(selection: DumpSelection): string[] {
	const { content = 'all', largeObjects = 'auto', lockTimeout = 0 } = selection;
	const timeout = wholeNumber(lockTimeout, 'Lock Timeout in milliseconds', { min: 0, max: LONGEST_TIMEOUT });
	checkChoice(content, ['all', 'schema', 'data'], 'Content');
	checkChoice(largeObjects, ['auto', 'include', 'exclude'], 'Large Objects');
	if (selection.clean && content === 'data') {
		throw new BackupError(
			'INVALID_INPUT',
			'Clean cannot be combined with a data-only dump: there are no definitions to drop.',
		);
	}
	if (selection.ifExists && !selection.clean) {
		throw new BackupError('INVALID_INPUT', 'If Exists needs Clean: it only softens its DROP statements.');
	}
	const each = (option: string, patterns: string[] = []) => {
		if (patterns.some((pattern) => pattern.trim() === '')) {
			throw new BackupError('INVALID_INPUT', `A pattern for pg_dump's ${option} is empty.`, {
				hint: 'Take the empty entry out of the list.',
			});
		}
		return patterns.map((pattern) => `${option}=${pattern}`);
	};
	const flag = (option: string, wanted: boolean | undefined) => (wanted ? [option] : []);
	return [
		...each('--schema', selection.schemas),
		...each('--exclude-schema', selection.excludeSchemas),
		...each('--table', selection.tables),
		...each('--exclude-table', selection.excludeTables),
		...each('--exclude-table-data', selection.excludeTableData),
		...flag('--schema-only', content === 'schema'),
		...flag('--data-only', content === 'data'),
		...flag('--no-owner', selection.noOwner),
		...flag('--no-privileges', selection.noPrivileges),
		...flag('--clean', selection.clean),
		...flag('--if-exists', selection.ifExists),
		...flag('--large-objects', largeObjects === 'include'),
		...flag('--no-large-objects', largeObjects === 'exclude'),
		...(timeout > 0 ? [`--lock-wait-timeout=${timeout}`] : []),
		...parseExtraArguments(selection.extraArguments ?? ''),
	];
}

/** The value of one of pg_dump's arguments, the last one where it is given several times. */
export function argumentValue(args: string[], option: string): string | undefined {
	return args.findLast((arg) => arg.startsWith(`${option}=`))?.slice(option.length + 1);
}
