import { type App, type AppSettings, assemble } from '../../src/app.js';

/** The gateway over a database that is migrated, as `runGateway` makes it. */
export async function createApp(settings: AppSettings): Promise<App> {
  const app = assemble(settings);
  try {
    await app.claimSecret();
    return app;
  } catch (error) {
    await app.stop();
    throw error;
  }
}
