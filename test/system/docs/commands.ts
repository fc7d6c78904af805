import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** What a page of the documentation gives under a name: what stands between "```<language> name" and the closing fence. */
export function blockOf(page: string, language: string, name: string): string {
	const text = readFileSync(join(__dirname, '../../../docs', page), 'utf8');
	const found = new RegExp(`^\`\`\`${language} ${name}\n([\\s\\S]*?)^\`\`\`$`, 'm').exec(text);
	if (!found?.[1]) throw new Error(`${page} holds no ${language} "${name}".`);
	return found[1];
}

/** Runs a command of a page as it stands there, and answers what it prints. */
export async function runCommand(
	name: string,
	variables: Record<string, string>,
	cwd?: string,
	page = 'restore-without-n8n.md',
): Promise<string> {
	const env = { ...process.env, ...variables };
	const command = blockOf(page, 'sh', name);
	const { stdout } = await promisify(execFile)('bash', ['-e', '-o', 'pipefail', '-c', command], { env, cwd });
	return stdout;
}
