import type { IExecuteFunctions } from 'n8n-workflow';
import { expect } from 'vitest';

/** A node whose fields have these values; the others are not there. */
export function withFields(fields: Record<string, unknown>): IExecuteFunctions {
	const getNodeParameter = (name: string, _item: number, fallback?: unknown) =>
		Object.hasOwn(fields, name) ? fields[name] : fallback;
	return { getNodeParameter } as unknown as IExecuteFunctions;
}

export const refusal = (message: string) =>
	expect.objectContaining({ code: 'INVALID_INPUT', message: expect.stringContaining(message) as string }) as Error;
