/** SQLite databases, copied and looked into by a process of their own (child.ts says why). */
import { spawn } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { extname, join } from 'node:path';

import { z } from 'zod';

import { BackupError, cancelled, messageOf, throwIfCancelled } from '../../../errors';
import type { Answers, FactQuery } from '../facts';

/** What a database was found to be. */
export interface SqliteFindings {
	/** What is wrong with it, in SQLite's words; nothing in one that is whole. */
	problems: string[];
	tables: Array<{ name: string; rows: number }>;
	answers: Answers;
}

interface Job {
	file: string;
	source?: string;
	queries: readonly FactQuery[];
}

const answerSchema = z.union([
	z.object({
		found: z.object({
			problems: z.array(z.string()),
			tables: z.array(z.object({ name: z.string(), rows: z.number().int().nonnegative() })),
			answers: z.record(z.array(z.record(z.unknown())).nullable()),
		}),
	}),
	z.object({ error: z.string(), code: z.number().optional() }),
]);
type Answer = z.infer<typeof answerSchema>;

/** What all answers together may have, in bytes. */
const ANSWER_BYTES = 64 * 1024 * 1024;

/** Result codes of SQLite (https://www.sqlite.org/rescode.html); the lowest byte of what it says. */
const FULL = 13;
const BUSY = new Set([5, 6]);
const CANNOT_OPEN = 14;

/**
 * Copies a database that others may write to, and looks into the copy.
 * @param file must not exist; it gets the umask's rights, so it belongs into a private folder
 * @throws BackupError SOURCE_FAILED, ACCESS_DENIED, INVALID_INPUT (there is none), TARGET_FAILED (no room for the copy), CANCELLED
 */
export async function copyDatabase(
	source: string,
	file: string,
	queries: readonly FactQuery[],
	signal?: AbortSignal,
): Promise<SqliteFindings> {
	// Only looked at: closing it in this process would end n8n's locks on it.
	if (!(await stat(source).catch(() => undefined))?.isFile()) {
		throw new BackupError('INVALID_INPUT', `n8n’s database ${source} does not exist, or cannot be reached.`, {
			hint: 'Check DB_TYPE, DB_SQLITE_DATABASE and N8N_USER_FOLDER in n8n’s environment.',
		});
	}
	const answer = await ask({ source, file, queries }, signal);
	if ('found' in answer) return answer.found;
	const code = (answer.code ?? 0) & 0xff;
	if (code === FULL) {
		throw new BackupError('TARGET_FAILED', `There is no room for a copy of n8n’s database: ${answer.error}.`, {
			hint: 'It is copied into the folder for temporary files (TMPDIR), and takes as much room there as the database.',
		});
	}
	throw new BackupError(
		code === CANNOT_OPEN ? 'ACCESS_DENIED' : 'SOURCE_FAILED',
		`n8n’s database ${source} could not be copied: ${answer.error}.`,
		{
			hint: BUSY.has(code)
				? 'Something holds it: run this again at a quieter time.'
				: 'Look at the disk that it lies on. If it is damaged, restore an earlier backup.',
		},
	);
}

/**
 * Looks into a database that nobody writes to, such as one that came out of an archive. What is wrong with it is in the answer.
 * @throws BackupError TARGET_FAILED (the process could not be started, or was killed), CANCELLED
 */
export async function inspectDatabase(
	file: string,
	queries: readonly FactQuery[],
	signal?: AbortSignal,
): Promise<SqliteFindings> {
	const answer = await ask({ file, queries }, signal);
	if ('found' in answer) return answer.found;
	return { problems: [answer.error], tables: [], answers: {} };
}

async function ask(job: Job, signal: AbortSignal | undefined): Promise<Answer> {
	throwIfCancelled(signal);
	const { output, failure } = await runChild(JSON.stringify(job), signal);
	if (signal?.aborted) throw cancelled();
	const parsed = failure === undefined ? answerSchema.safeParse(parsedJson(output)) : undefined;
	if (parsed?.success) return parsed.data;
	throw new BackupError('TARGET_FAILED', `The process that reads SQLite databases failed: ${failure ?? 'no answer'}.`, {
		hint: 'n8n must be able to start Node.js a second time (memory, limits on processes), of version 22.15 or later.',
	});
}

/** Resolves when the process is gone: until then it may write into the folder that its caller removes next. */
async function runChild(job: string, signal: AbortSignal | undefined): Promise<{ output: string; failure?: string }> {
	const script = join(__dirname, `child${extname(__filename)}`);
	let child;
	try {
		// Without secrets: what it reads may be hostile.
		child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', script, job], {
			env: {},
			stdio: ['ignore', 'pipe', 'pipe'],
			...(signal && { signal, killSignal: 'SIGKILL' as const }),
		});
	} catch (error) {
		return { output: '', failure: messageOf(error) };
	}
	const { stdout, stderr } = child;
	const chunks: Buffer[] = [];
	let bytes = 0;
	stdout.on('data', (chunk: Buffer) => {
		chunks.push(chunk);
		if ((bytes += chunk.length) > ANSWER_BYTES) child.kill('SIGKILL');
	});
	let said = '';
	stderr.on('data', (chunk: Buffer) => (said = `${said}${chunk.toString()}`.slice(0, 1000)));
	return await new Promise((resolve) => {
		child.on('error', (error) => {
			// One that was started is killed by the signal, and ends a little later.
			if (child.pid === undefined) resolve({ output: '', failure: error.message });
		});
		child.on('close', (code, by) => {
			if (code === 0) resolve({ output: Buffer.concat(chunks).toString() });
			else resolve({ output: '', failure: said.trim() || `it ended with ${by ?? code}` });
		});
	});
}

function parsedJson(text: string): unknown {
	try {
		return JSON.parse(text);
	} catch {
		return undefined;
	}
}
