import type { IExecuteFunctions, ITriggerFunctions } from 'n8n-workflow';

import { guardedBySettings } from '../shared/fileAccess';

/**
 * A trigger as the shared helpers see a run: they read the fields of an incoming item, of which a trigger has none, and tell the editor of
 * what lasts, which a trigger tells n8n's log. n8n gives triggers no guards of paths: folders are judged by n8n's settings instead.
 */
export function runContext(trigger: ITriggerFunctions, signal: AbortSignal): IExecuteFunctions {
	const warn = (message: string) => trigger.logger.warn(`${trigger.getNode().name}: ${message}`);
	const context = {
		logger: trigger.logger,
		helpers: trigger.helpers,
		getNode: () => trigger.getNode(),
		getWorkflow: () => trigger.getWorkflow(),
		getExecutionId: () => 'trigger',
		getExecutionCancelSignal: () => signal,
		getCredentials: async (type: string) => await trigger.getCredentials(type),
		getNodeParameter: (name: string, _item: number, fallback?: unknown, options?: object) =>
			trigger.getNodeParameter(name, fallback, options),
		sendMessageToUI: warn,
		addExecutionHints: () => {},
	};
	return context as unknown as IExecuteFunctions;
}

/** Where the folder of a storage really is. */
export const triggerAccess = guardedBySettings;
