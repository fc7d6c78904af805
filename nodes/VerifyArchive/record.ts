import type { IExecuteFunctions } from 'n8n-workflow';

import { BackupError, recordVerification, type Storage, type VerificationReport } from '../../engine';
import { showWarnings } from '../shared/hints';

/**
 * Writes a result beside its backup, and says whether it stands there. One that cannot be written is a warning: the
 * verification is none the worse for it.
 */
export async function recordResult(
	context: IExecuteFunctions,
	storage: Storage,
	report: VerificationReport,
): Promise<boolean> {
	const writing = recordVerification(storage, report, context.getExecutionCancelSignal());
	const entry = await writing.catch((error: unknown) => {
		if (!(error instanceof BackupError) || error.code === 'CANCELLED') throw error;
		const warning = `The result of ${report.key} could not be recorded: ${error.message}`;
		context.logger.warn(`Verify Archive: ${warning}`);
		showWarnings(context, [warning]);
		return undefined;
	});
	return entry !== undefined;
}
