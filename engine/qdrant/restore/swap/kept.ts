import { BackupError, messageOf } from '../../../errors';
import { removeRedirect } from '../../artifacts/metadata';
import { aliasHoldersAfter } from '../../server/aliases';
import { leave, type RestoreContext } from '../context';
import { discard } from '../load/claim';
import type { Swap } from './swap';

/** The error of a swap after which both the collection and the copy of the old one are there: what is where, and why. */
export function keptError({ name, previous }: Swap, reason: unknown, where: string): BackupError {
	return new BackupError(
		'TARGET_FAILED',
		`The restore over ${name} failed (${messageOf(reason)}), and ${where} The old collection is whole, as ${previous}.`,
		{
			cause: reason,
			hint: `Look at both collections. Restore or copy ${previous} where ${name} is not what it was, and delete it once nothing needs it.`,
		},
	);
}

/** The error of a swap that was rolled back: why it failed, and that the old collection is in place again. */
export function rolledBackError({ name }: Swap, reason: unknown): unknown {
	if (!(reason instanceof BackupError)) return reason;
	const { code, message, cause, hint, details } = reason;
	return new BackupError(code, `${message.replace(/\.$/, '')}. The collection ${name} was put back as it was.`, {
		cause,
		...(hint !== undefined && { hint }),
		...(details && { details }),
	});
}

/** Removes the copy of the old collection, unless aliases point at it. */
export async function dropCopy(context: RestoreContext, { previous }: Swap): Promise<void> {
	const holders = await aliasHoldersAfter(context.topology.client);
	if (holders && ![...holders.values()].includes(previous)) await discard(context, previous);
	else leave(context, `The copy ${previous} of the old collection was kept, since aliases may point at it.`);
}

/** Whether the server is known to keep the metadata of a collection that this run has made. */
export function keepsMetadata({ made }: RestoreContext, collection: string): boolean {
	return made.get(collection)?.mark !== undefined;
}

/** The aliases that were redirected to the copy have moved on. */
export async function clearRedirect(context: RestoreContext, copy: string): Promise<void> {
	if (!keepsMetadata(context, copy)) return;
	await removeRedirect(context.topology.client, copy, (message) => void context.warnings.push(message));
}
