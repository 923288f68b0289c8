"""Ready answers, one file per question a user has: customer service, wellbeing, social listening, fake reviews, classroom."""
