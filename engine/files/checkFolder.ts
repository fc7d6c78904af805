/** What would make a back up of a folder, or a restore into it, fail. */
import { access, constants, lstat, opendir } from 'node:fs/promises';
import path from 'node:path';

import { listed, throwIfCancelled } from '../errors';
import { finder, type SetupFinding } from '../preflight';

/** More entries are not looked at: whoever made the folder unreadable did so near its top. */
const MOST_ENTRIES = 20_000;
const MOST_NAMED = 100;

/**
 * @param root absolute, links followed
 * @throws BackupError CANCELLED
 */
export async function checkFolder(root: string, signal?: AbortSignal): Promise<SetupFinding[]> {
	const reading = finder('Read Files', root, 'backup');
	const found = await lstat(root).catch((error: NodeJS.ErrnoException) => error);
	if (found instanceof Error) {
		return found.code === 'ENOENT'
			? [
					reading.problem(
						`There is no ${root} on the machine, or in the container, that n8n runs in.`,
						`Mount it there (docker run -v <its place on the host>:${root}), or correct Path.`,
					),
				]
			: [reading.problem(`n8n may not look at ${root} (${found.code}).`, readRemedy(root))];
	}
	const { unreadable, isWhole } = await lookThrough(root, signal);
	const how = isWhole ? '' : ` (the first ${MOST_ENTRIES} of it)`;
	return [
		unreadable.length === 0
			? reading.ok(`Everything in it may be read${how}.`)
			: reading.problem(
					`n8n may not read ${unreadable.length === MOST_NAMED ? 'many entries' : `${unreadable.length} of its entries`}${how}: ${listed(unreadable)}.`,
					`${readRemedy(root)}\n# Or leave out what cannot be read: the option Skip Unreadable.`,
				),
		...(found.isDirectory() ? await writeFindings(root) : []),
	];
}

/** A statement for a shell on the machine that has the folder. The user is a number: in a container, the host knows no name of it. */
const readRemedy = (root: string) => `setfacl -R -m u:${process.getuid?.() ?? 1000}:rX ${quoted(root)}`;

async function writeFindings(root: string): Promise<SetupFinding[]> {
	const { ok, warning } = finder('Write Files', root, 'restore');
	const mayWrite = await access(root, constants.W_OK).then(
		() => true,
		() => false,
	);
	if (mayWrite) return [ok('n8n may write into it.')];
	return [
		warning(
			'n8n may not write into it, so nothing can be restored there.',
			`setfacl -m u:${process.getuid?.() ?? 1000}:rwX ${quoted(root)}\n# Or mount it without :ro; or restore into another folder.`,
		),
	];
}

/** As a shell takes it for one word. */
function quoted(text: string): string {
	return /^[\w./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/** Which entries may not be read, by their names below the root. Links are no entries of what they lead to. */
async function lookThrough(
	root: string,
	signal: AbortSignal | undefined,
): Promise<{ unreadable: string[]; isWhole: boolean }> {
	const unreadable: string[] = [];
	const folders = [''];
	let looked = 0;
	for (let folder = folders.shift(); folder !== undefined; folder = folders.shift()) {
		throwIfCancelled(signal);
		const at = path.join(root, folder);
		try {
			if (folder === '' && !(await lstat(at)).isDirectory()) {
				await access(at, constants.R_OK);
				break;
			}
			for await (const entry of await opendir(at)) {
				if (++looked > MOST_ENTRIES || unreadable.length === MOST_NAMED) return { unreadable, isWhole: false };
				const name = path.join(folder, entry.name);
				if (entry.isDirectory()) folders.push(name);
				else if (entry.isFile()) {
					await access(path.join(root, name), constants.R_OK).catch(() => unreadable.push(name));
				}
			}
		} catch (error) {
			// What was there a moment ago is no fault of anybody's.
			if ((error as NodeJS.ErrnoException).code !== 'ENOENT') unreadable.push(folder || '.');
		}
	}
	return { unreadable, isWhole: true };
}
