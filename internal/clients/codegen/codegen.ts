import type { CodegenConfig } from '@graphql-codegen/cli';

const string = 'string';
const scalars = {
  ByteCount: 'number', Date: string, DateTime: string, JSON: 'unknown', MeetingNumber: string,
  MeetingUUID: string, Secret: string, URL: string, Upload: 'Blob',
};

export default {
  schema: process.env.GATEWAY_URL,
  documents: ['documents.ts'],
  generates: {
    '../made/codegen/': {
      preset: 'client',
      presetConfig: { persistedDocuments: { hashAlgorithm: 'sha256' } },
      config: {
        strictScalars: true,
        useTypeImports: true,
        enumsAsTypes: true,
        scalars,
      },
    },
    // All types of the schema: the codes of errors are in no document.
    '../made/codegen/schema.ts': { plugins: ['typescript'], config: { enumsAsTypes: true, scalars } },
  },
} satisfies CodegenConfig;
