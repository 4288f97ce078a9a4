import { QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { queries } from './lib/queries';
import { applyTheme } from './lib/theme';
import { router } from './router';
import './ui/tokens.css';
import './ui/base.css';
import './ui/shell.css';
import './ui/table.css';
import './ui/parts.css';
import './ui/print.css';

applyTheme();
const root = document.getElementById('root');
if (root !== null)
  createRoot(root).render(
    <StrictMode>
      <QueryClientProvider client={queries}>
        <RouterProvider router={router} />
      </QueryClientProvider>
    </StrictMode>,
  );
