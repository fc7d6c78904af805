import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

const page = readFileSync(join(__dirname, '../../../docs/restore-without-n8n.md'), 'utf8');

/** The command that the page gives under a name: what stands between "```sh name" and the closing fence. */
function command(name: string): string {
	const found = new RegExp(`^\`\`\`sh ${name}\n([\\s\\S]*?)^\`\`\`$`, 'm').exec(page);
	if (!found?.[1]) throw new Error(`The page holds no command "${name}".`);
	return found[1];
}

/** Runs a command of the page as it stands there, and answers what it prints. */
export async function runCommand(name: string, variables: Record<string, string>, cwd?: string): Promise<string> {
	const env = { ...process.env, ...variables };
	const { stdout } = await promisify(execFile)('bash', ['-e', '-o', 'pipefail', '-c', command(name)], { env, cwd });
	return stdout;
}
