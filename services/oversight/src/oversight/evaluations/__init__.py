"""What people think of finished services (好差评): who may say it, once; what follows a bad word; what everybody may read."""
